# Debian packages by `cpack`: cmake/make-packages does all that is to be done for them.
#
#   libexpstart0      the shared library              component library
#   libexpstart-dev   what programs are built with    component development
#   expstart          the command                     component command
#   expstart-sandbox  the stand-in for the API        component sandbox
#
# Included by the top directory after all that is installed. What cpack cannot do itself is done by
# packages/stage.cmake, once everything lies where it is packed from.

set(EXPSTART_MAINTAINER "expstart maintainers <expstart@example.org>" CACHE STRING
  "Maintainer of the packages: a name and <an address>")
# Changes of the packaging alone: 0.1.0+1 and so on. Empty: none.
set(EXPSTART_PACKAGE_REVISION "" CACHE STRING "Added to the version of the packages, e.g. +1")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME expstart)
set(CPACK_PACKAGE_CONTACT "${EXPSTART_MAINTAINER}")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_COMPONENTS_ALL library development command sandbox)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/packages/stage.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_VERSION ${PROJECT_VERSION}${EXPSTART_PACKAGE_REVISION})
set(CPACK_DEBIAN_PACKAGE_SOURCE expstart)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(soname libexpstart${PROJECT_VERSION_MAJOR})

# The library's own dependencies are found by stage.cmake: with SHLIBDEPS cpack would also make the package call
# ldconfig itself, which Debian leaves to a trigger.
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${soname})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION
"starts ABsmartly experiments in bulk, on a libuv loop
A program that runs a libuv loop hands over any number of starts. Each is put
on the wire when the API will take it, survives throttling, faults and lost
connections, and is called back exactly once with what is known to be true.
.
This is the shared library.")
set(control_dir ${PROJECT_BINARY_DIR}/packages.control)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA
  ${control_dir}/symbols ${control_dir}/shlibs ${control_dir}/triggers)

# Who links the shared library needs no more than libuv; the static one needs what it was made with.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME libexpstart-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
  "${soname} (= ${CPACK_DEBIAN_PACKAGE_VERSION}), libuv1-dev (>= 1.33)")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_RECOMMENDS
  "libcurl4-openssl-dev (>= 7.80) | libcurl4-gnutls-dev (>= 7.80), libjson-c-dev (>= 0.15)")
set(CPACK_DEBIAN_DEVELOPMENT_DESCRIPTION
"starts ABsmartly experiments in bulk: header and static library
A program that runs a libuv loop hands over any number of starts. Each is put
on the wire when the API will take it, survives throttling, faults and lost
connections, and is called back exactly once with what is known to be true.
.
This is what programs are built with: the header, the static library, what
pkg-config and CMake find it by, and a man page for each function.")

# The command uses the shared library through its public header alone.
set(CPACK_DEBIAN_COMMAND_PACKAGE_NAME expstart)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_COMMAND_PACKAGE_DEPENDS "${soname} (>= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_COMMAND_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_COMMAND_PACKAGE_SUGGESTS expstart-sandbox)
set(CPACK_DEBIAN_COMMAND_DESCRIPTION
"starts ABsmartly experiments in bulk, from lists of ids
It starts what a file lists, shows what is going on, and ends with a summary
and an exit code that can be relied on. With a journal it goes on where it was
when it was ended, in whatever way, and starts nothing twice.")

set(CPACK_DEBIAN_SANDBOX_PACKAGE_NAME expstart-sandbox)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_SANDBOX_PACKAGE_SUGGESTS expstart)
set(CPACK_DEBIAN_SANDBOX_DESCRIPTION
"local stand-in for the ABsmartly API, to try expstart on
It keeps a state for each experiment, counts what it really did, and throttles
and fails as it is asked to, so that a test can prove that nothing was started
twice or lost. It listens on 127.0.0.1 only.")

# dpkg-shlibdeps looks for the library of the command here.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)

# What stage.cmake wants to know, as cpack hands on what begins with CPACK_ only.
set(CPACK_EXPSTART_SOURCE_DIR ${PROJECT_SOURCE_DIR})
set(CPACK_EXPSTART_CONTROL_DIR ${control_dir})
set(CPACK_EXPSTART_LIBDIR ${CMAKE_INSTALL_LIBDIR})
set(CPACK_EXPSTART_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_EXPSTART_SONAME libexpstart.so.${PROJECT_VERSION_MAJOR})
include(CPack)

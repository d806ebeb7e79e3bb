# Run by cpack when the files of each package lie below CPACK_TEMPORARY_DIRECTORY, and before they are packed:
# adds what Debian asks of every package, and what the library's package says of its symbols and needs.

if(NOT CPACK_EXPSTART_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "Debian packages are made in a build directory that was configured with "
    "-DCMAKE_INSTALL_PREFIX=/usr (cmake/make-packages does so)")
endif()

set(sources ${CPACK_EXPSTART_SOURCE_DIR}/cmake/packages)
file(STRINGS ${sources}/changelog newest LIMIT_COUNT 1)
if(NOT newest MATCHES "^expstart \\(${CPACK_DEBIAN_PACKAGE_VERSION}\\) ")
  message(FATAL_ERROR "cmake/packages/changelog does not begin with ${CPACK_DEBIAN_PACKAGE_VERSION}, "
    "which is to be packed, but with: ${newest}")
endif()
set(stage ${CPACK_TEMPORARY_DIRECTORY})
find_program(GZIP gzip REQUIRED)
find_program(STRIP strip REQUIRED)
find_program(DPKG_SHLIBDEPS dpkg-shlibdeps REQUIRED)
find_program(DPKG_GENSYMBOLS dpkg-gensymbols REQUIRED)

function(run)
  cmake_parse_arguments(PARSE_ARGV 0 "" "" "OUTPUT;WORKING_DIRECTORY" "COMMAND")
  execute_process(COMMAND ${_COMMAND} WORKING_DIRECTORY ${_WORKING_DIRECTORY}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE error)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${_COMMAND}: ${output}${error}")
  endif()
  if(_OUTPUT)
    set(${_OUTPUT} "${output}" PARENT_SCOPE)
  endif()
endfunction()

# ---- each package: its documents, and man pages as Debian has them ----

foreach(component IN LISTS CPACK_COMPONENTS_ALL)
  string(TOUPPER ${component} upper)
  set(documents ${stage}/${component}/usr/share/doc/${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
  file(COPY ${sources}/copyright ${sources}/changelog DESTINATION ${documents}
    FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ
    DIRECTORY_PERMISSIONS ${CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS})
  file(GLOB_RECURSE pages ${stage}/${component}/usr/share/man/*)
  run(COMMAND ${GZIP} -9nf ${documents}/changelog ${pages} WORKING_DIRECTORY ${stage})
endforeach()

# ---- the libraries and programs ----

set(libdir usr/${CPACK_EXPSTART_LIBDIR})
set(strip ${STRIP} --remove-section=.comment)
run(COMMAND ${strip} --strip-debug --enable-deterministic-archives
    ${stage}/development/${libdir}/libexpstart.a
  WORKING_DIRECTORY ${stage})
run(COMMAND ${strip} --strip-unneeded ${stage}/library/${libdir}/${CPACK_EXPSTART_SONAME}
  WORKING_DIRECTORY ${stage})
run(COMMAND ${strip} ${stage}/command/usr/bin/expstart ${stage}/sandbox/usr/bin/expstart-sandbox
  WORKING_DIRECTORY ${stage})

# Debian's tools want to be where a debian/control is.
file(WRITE ${stage}/debian/control
  "Source: expstart\nMaintainer: ${CPACK_PACKAGE_CONTACT}\n\n"
  "Package: ${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME}\nArchitecture: any\n")

# Since which version the library has which function: from the list, what is not in it since this one. That none
# is gone is for test/abi/symbols to see.
file(REMOVE_RECURSE ${CPACK_EXPSTART_CONTROL_DIR})
file(MAKE_DIRECTORY ${CPACK_EXPSTART_CONTROL_DIR})
run(COMMAND ${DPKG_GENSYMBOLS} -c0 -p${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME} -v${CPACK_PACKAGE_VERSION}
    -I${sources}/${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME}.symbols
    -e${stage}/library/${libdir}/${CPACK_EXPSTART_SONAME} -O${CPACK_EXPSTART_CONTROL_DIR}/symbols
  WORKING_DIRECTORY ${stage})
string(REGEX MATCH "[0-9]+$" major ${CPACK_EXPSTART_SONAME})
file(WRITE ${CPACK_EXPSTART_CONTROL_DIR}/shlibs
  "libexpstart ${major} ${CPACK_DEBIAN_LIBRARY_PACKAGE_NAME} (>= ${CPACK_PACKAGE_VERSION})\n")
file(WRITE ${CPACK_EXPSTART_CONTROL_DIR}/triggers "activate-noawait ldconfig\n")

run(COMMAND ${DPKG_SHLIBDEPS} -O ${stage}/library/${libdir}/${CPACK_EXPSTART_SONAME}
  OUTPUT depends WORKING_DIRECTORY ${stage})
file(REMOVE_RECURSE ${stage}/debian)
string(REGEX REPLACE "^.*Depends=" "" depends "${depends}")
string(STRIP "${depends}" CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS)

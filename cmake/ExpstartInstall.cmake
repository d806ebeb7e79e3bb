# Installs the header, both libraries and what finds them: a CMake package and two pkg-config files.
# Included by lib/CMakeLists.txt after its targets. All paths in what is installed are relative to
# where it lies, so that the tree may be moved.

include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/expstart)
set_target_properties(expstart_static PROPERTIES EXPORT_NAME static)

# Two export sets, so that who links the shared library needs no libcurl and json-c to build with. Programs
# need the component `library` to run, and `development` to be built.
install(TARGETS expstart EXPORT expstart-targets
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT library
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT library NAMELINK_COMPONENT development
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(TARGETS expstart_static EXPORT expstart-static-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(FILES ${PROJECT_SOURCE_DIR}/include/expstart.h
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development)
install(EXPORT expstart-targets
  NAMESPACE expstart:: DESTINATION ${package_dir} COMPONENT development)
install(EXPORT expstart-static-targets
  NAMESPACE expstart:: DESTINATION ${package_dir} COMPONENT development)

write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/expstart-config-version.cmake
  COMPATIBILITY SameMajorVersion)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/expstart-config.cmake.in
  ${CMAKE_CURRENT_BINARY_DIR}/expstart-config.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/expstart-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/expstart-config-version.cmake
  DESTINATION ${package_dir} COMPONENT development)

# pkg-config says where the .pc file is, and the prefix is so many steps up from there. A directory
# given as an absolute path stays where it is, and so does what refers to it.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
  set(pc_libdir ${CMAKE_INSTALL_LIBDIR})
else()
  file(RELATIVE_PATH up /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" up "${up}")
  set(pc_prefix "\${pcfiledir}/${up}")
  set(pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(pc_includedir ${CMAKE_INSTALL_INCLUDEDIR})
else()
  set(pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
# Named here and not as Requires.private, with which pkg-config would ask those who link the shared
# library for libcurl's header files, and with --static for all that libcurl was built with.
set(pc_dirs ${libcurl_LIBRARY_DIRS} ${json-c_LIBRARY_DIRS})
list(REMOVE_ITEM pc_dirs ${CMAKE_C_IMPLICIT_LINK_DIRECTORIES})
list(REMOVE_DUPLICATES pc_dirs)
list(TRANSFORM pc_dirs PREPEND "-L")
list(TRANSFORM libcurl_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE pc_libcurl)
list(TRANSFORM json-c_LIBRARIES PREPEND "-l" OUTPUT_VARIABLE pc_json_c)
set(pc_private_libs ${pc_dirs} ${pc_libcurl} ${pc_json_c} -lm)
list(JOIN pc_private_libs " " pc_private_libs)
foreach(name expstart expstart-static)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/${name}.pc.in
    ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${CMAKE_CURRENT_BINARY_DIR}/${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endforeach()

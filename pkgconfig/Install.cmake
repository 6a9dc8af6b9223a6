# SPDX-License-Identifier: Apache-2.0
#
# What an installation has: headers, both libraries, tulle.pc, the CMake package.
# Two components, so that a machine may have one library without the other:
# "shared" and "static"; headers and tulle.pc belong to both.

file(RELATIVE_PATH TULLE_PC_PREFIX
    "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
string(REGEX REPLACE "/$" "" TULLE_PC_PREFIX "${TULLE_PC_PREFIX}")
# Libs.private and not Requires.private: the latter would ask for the static
# parts of libcurl's own libraries, of which Debian has not all, and would make
# a program that links the shared library depend on their .pc files.
set(TULLE_PC_LIBS ${TULLE_CURL_LDFLAGS} ${TULLE_YAML_LDFLAGS} ${TULLE_RE2_LDFLAGS}
    ${TULLE_XXHASH_LDFLAGS} ${TULLE_CARES_LDFLAGS} -lstdc++ -lm -pthread)
list(REMOVE_DUPLICATES TULLE_PC_LIBS)
list(JOIN TULLE_PC_LIBS " " TULLE_PC_LIBS)
configure_file(pkgconfig/tulle.pc.in tulle.pc @ONLY)

set(TULLE_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/tulle")
configure_package_config_file(pkgconfig/tulle-config.cmake.in tulle-config.cmake
    INSTALL_DESTINATION "${TULLE_CMAKE_DIR}")
write_basic_package_version_file(tulle-config-version.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS tulle EXPORT tulle-shared
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT shared
    NAMELINK_COMPONENT shared)
install(TARGETS tulle_static EXPORT tulle-static
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT static)
foreach(kind shared static)
    install(EXPORT tulle-${kind} NAMESPACE tulle:: DESTINATION "${TULLE_CMAKE_DIR}"
        COMPONENT ${kind})
    install(DIRECTORY include/tulle DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT ${kind})
    install(DIRECTORY bindings/cpp/include/tulle DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
        COMPONENT ${kind})
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/tulle.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT ${kind})
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/tulle-config.cmake"
                  "${CMAKE_CURRENT_BINARY_DIR}/tulle-config-version.cmake"
        DESTINATION "${TULLE_CMAKE_DIR}" COMPONENT ${kind})
endforeach()

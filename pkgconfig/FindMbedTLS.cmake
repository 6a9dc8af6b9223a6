# SPDX-License-Identifier: Apache-2.0
#
# Debian's mbedTLS 2.28 ships neither a .pc file nor a CMake package, and 3.6
# moved its version into another header: hence this module.
#
# Gives MbedTLS::mbedtls (with x509 and crypto) and MbedTLS_VERSION.

find_path(MbedTLS_INCLUDE_DIR mbedtls/ssl.h)
find_library(MbedTLS_LIBRARY mbedtls)
find_library(MbedTLS_X509_LIBRARY mbedx509)
find_library(MbedTLS_CRYPTO_LIBRARY mbedcrypto)

foreach(header build_info.h version.h)
    if(NOT MbedTLS_VERSION AND EXISTS "${MbedTLS_INCLUDE_DIR}/mbedtls/${header}")
        file(STRINGS "${MbedTLS_INCLUDE_DIR}/mbedtls/${header}" line
            REGEX "define MBEDTLS_VERSION_STRING +\"")
        string(REGEX MATCH "\"([0-9.]+)\"" _ "${line}")
        set(MbedTLS_VERSION "${CMAKE_MATCH_1}")
    endif()
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(MbedTLS
    REQUIRED_VARS MbedTLS_LIBRARY MbedTLS_X509_LIBRARY MbedTLS_CRYPTO_LIBRARY MbedTLS_INCLUDE_DIR
    VERSION_VAR MbedTLS_VERSION)

if(MbedTLS_FOUND AND NOT TARGET MbedTLS::mbedtls)
    add_library(MbedTLS::mbedtls UNKNOWN IMPORTED)
    set_target_properties(MbedTLS::mbedtls PROPERTIES
        IMPORTED_LOCATION "${MbedTLS_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${MbedTLS_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${MbedTLS_X509_LIBRARY};${MbedTLS_CRYPTO_LIBRARY}")
endif()
mark_as_advanced(MbedTLS_INCLUDE_DIR MbedTLS_LIBRARY MbedTLS_X509_LIBRARY MbedTLS_CRYPTO_LIBRARY)

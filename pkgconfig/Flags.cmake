# SPDX-License-Identifier: Apache-2.0
#
# tulle_flags: how everything in this tree is compiled. Warnings first, then
# what makes an exploit harder, then the instruments (sanitizers, coverage).

include(CheckCCompilerFlag)
add_library(tulle_flags INTERFACE)

target_compile_options(tulle_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wvla
    -Wformat-security -fno-omit-frame-pointer
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes> $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>)
# clang counts signs in -Wconversion, gcc does not in C: gcc's meaning holds.
target_compile_options(tulle_flags INTERFACE $<$<C_COMPILER_ID:Clang>:-Wno-sign-conversion>)
# Empty, so that a file may say `#define _GNU_SOURCE` as well; g++ has its own.
target_compile_options(tulle_flags INTERFACE $<$<COMPILE_LANGUAGE:C>:-D_GNU_SOURCE=>)
if(TULLE_WERROR)
    target_compile_options(tulle_flags INTERFACE -Werror)
endif()

foreach(flag -fstack-protector-strong -fstack-clash-protection -fcf-protection)
    string(MAKE_C_IDENTIFIER "TULLE_HAS${flag}" has)
    check_c_compiler_flag("-Werror ${flag}" ${has})
    if(${has})
        target_compile_options(tulle_flags INTERFACE ${flag})
    endif()
endforeach()
if(NOT TULLE_SANITIZE AND NOT TULLE_COVERAGE AND NOT TULLE_FUZZ)
    target_compile_options(tulle_flags INTERFACE
        $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE> $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
endif()
target_link_options(tulle_flags INTERFACE "LINKER:-z,relro" "LINKER:-z,now" "LINKER:-z,noexecstack")

if(TULLE_SANITIZE STREQUAL "address")
    set(TULLE_INSTRUMENT -fsanitize=address,undefined -fno-sanitize-recover=all)
elseif(TULLE_SANITIZE STREQUAL "thread")
    set(TULLE_INSTRUMENT -fsanitize=thread)
elseif(TULLE_SANITIZE)
    message(FATAL_ERROR "TULLE_SANITIZE is address, thread or empty, not ${TULLE_SANITIZE}")
endif()
if(TULLE_COVERAGE)
    list(APPEND TULLE_INSTRUMENT --coverage -fprofile-update=atomic)
endif()
if(TULLE_FUZZ)
    if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
        message(FATAL_ERROR "TULLE_FUZZ needs clang: -DCMAKE_C_COMPILER=clang-14")
    endif()
    list(APPEND TULLE_INSTRUMENT -fsanitize=fuzzer-no-link,address,undefined
        -fno-sanitize-recover=all)
endif()
target_compile_options(tulle_flags INTERFACE ${TULLE_INSTRUMENT})
target_link_options(tulle_flags INTERFACE ${TULLE_INSTRUMENT})

# SPDX-License-Identifier: Apache-2.0
#
# Programs of a folder, by one rule: a file with a main() becomes a program of
# that name, all other files of the folder are linked into each of them.

function(tulle_split_mains programs_out shared_out)
    set(programs "")
    set(shared "")
    foreach(file ${ARGN})
        file(STRINGS "${file}" main REGEX "^(int main\\(|TEST_MAIN\\()" LIMIT_COUNT 1)
        if(main)
            list(APPEND programs "${file}")
        else()
            list(APPEND shared "${file}")
        endif()
    endforeach()
    set(${programs_out} "${programs}" PARENT_SCOPE)
    set(${shared_out} "${shared}" PARENT_SCOPE)
endfunction()

# tulle_programs(PREFIX folder libraries...): targets PREFIX.name, built where
# the sources lie in the source tree. The list comes back as PREFIX_PROGRAMS.
function(tulle_programs prefix folder)
    file(GLOB files CONFIGURE_DEPENDS "${folder}/*.c")
    tulle_split_mains(programs shared ${files})
    if(shared)
        add_library(${prefix}_shared STATIC ${shared})
        target_include_directories(${prefix}_shared PRIVATE "${PROJECT_SOURCE_DIR}/tests")
        target_link_libraries(${prefix}_shared PUBLIC tulle_flags ${ARGN})
        set(shared ${prefix}_shared)
    endif()
    set(names "")
    foreach(file ${programs})
        get_filename_component(name "${file}" NAME_WE)
        file(RELATIVE_PATH place "${PROJECT_SOURCE_DIR}" "${folder}")
        add_executable(${prefix}.${name} "${file}")
        target_include_directories(${prefix}.${name} PRIVATE "${PROJECT_SOURCE_DIR}/tests")
        target_link_libraries(${prefix}.${name} PRIVATE tulle_flags ${shared} ${ARGN})
        set_target_properties(${prefix}.${name} PROPERTIES
            OUTPUT_NAME ${name} RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/${place}")
        list(APPEND names ${prefix}.${name})
    endforeach()
    set(${prefix}_PROGRAMS "${names}" PARENT_SCOPE)
endfunction()

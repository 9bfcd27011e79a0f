# What ESP-IDF, Zephyr and vcpkg call our CMake files with, as far as these use it; each builds for this machine.
add_compile_definitions(_GNU_SOURCE) # for the stand-ins over threads
set(stubs ${CMAKE_CURRENT_LIST_DIR})
set(headers ${CMAKE_CURRENT_LIST_DIR}/../../ports/stubs)

macro(idf_component_register)
    cmake_parse_arguments(component "" "" "SRCS;INCLUDE_DIRS" ${ARGN})
    set(COMPONENT_LIB teaspoon)
    add_library(teaspoon ${component_SRCS})
    target_include_directories(teaspoon PUBLIC ${component_INCLUDE_DIRS} PRIVATE ${headers})
endmacro()

function(zephyr_library_named name)
    add_library(${name} ${stubs}/empty.c)
    target_link_libraries(${name} PUBLIC zephyr_interface)
endfunction()

function(zephyr_library_sources)
    target_sources(teaspoon PRIVATE ${ARGN})
endfunction()

add_library(zephyr_interface INTERFACE)
target_include_directories(zephyr_interface INTERFACE ${headers})

function(zephyr_include_directories)
    target_include_directories(zephyr_interface INTERFACE ${ARGN})
endfunction()

function(zephyr_compile_definitions)
    target_compile_definitions(zephyr_interface INTERFACE ${ARGN})
endfunction()

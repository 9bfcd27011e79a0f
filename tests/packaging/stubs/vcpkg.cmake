# vcpkg's functions as far as our portfile calls them; cmake -DPORT=... -DCURRENT_PACKAGES_DIR=... -P vcpkg.cmake
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE failed)
    if(failed)
        message(FATAL_ERROR "failed: ${ARGN}")
    endif()
endfunction()

function(vcpkg_cmake_configure)
    cmake_parse_arguments(port "" "SOURCE_PATH" "OPTIONS" ${ARGN})
    run(${CMAKE_COMMAND} -S ${port_SOURCE_PATH} -B ${CURRENT_PACKAGES_DIR}/build ${port_OPTIONS}
        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_INSTALL_PREFIX=${CURRENT_PACKAGES_DIR} -DCMAKE_INSTALL_LIBDIR=lib)
endfunction()

function(vcpkg_cmake_install)
    run(${CMAKE_COMMAND} --build ${CURRENT_PACKAGES_DIR}/build --target install)
endfunction()

function(vcpkg_cmake_config_fixup)
    cmake_parse_arguments(port "" "CONFIG_PATH" "" ${ARGN})
    if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/${port_CONFIG_PATH}/teaspoonConfig.cmake)
        message(FATAL_ERROR "there is no teaspoonConfig.cmake in ${port_CONFIG_PATH}")
    endif()
endfunction()

function(vcpkg_fixup_pkgconfig)
    if(NOT EXISTS ${CURRENT_PACKAGES_DIR}/lib/pkgconfig/teaspoon.pc)
        message(FATAL_ERROR "there is no teaspoon.pc")
    endif()
endfunction()

function(vcpkg_install_copyright)
    cmake_parse_arguments(port "" "" "FILE_LIST" ${ARGN})
    file(INSTALL ${port_FILE_LIST} DESTINATION ${CURRENT_PACKAGES_DIR}/share/teaspoon)
endfunction()

include(${PORT})

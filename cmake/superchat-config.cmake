# For find_package(superchat), wherever it is installed: nothing in here knows the path.
#
#   superchat::superchat    the shared library, or the static one where it is the only one
#   superchat::static       the static library, and what it needs

get_filename_component(_superchat_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

foreach(_superchat_libdir "lib/${CMAKE_LIBRARY_ARCHITECTURE}" lib64 lib)
    set(_superchat_library "${_superchat_prefix}/${_superchat_libdir}/libsuperchat")
    if(NOT TARGET superchat::static AND EXISTS "${_superchat_library}.a")
        add_library(superchat::static STATIC IMPORTED)
        set_target_properties(superchat::static PROPERTIES
            IMPORTED_LOCATION "${_superchat_library}.a"
            INTERFACE_INCLUDE_DIRECTORIES "${_superchat_prefix}/include"
            INTERFACE_LINK_LIBRARIES "pthread;dl;m;gcc_s")
    endif()
    if(NOT TARGET superchat::superchat AND EXISTS "${_superchat_library}.so")
        add_library(superchat::superchat SHARED IMPORTED)
        set_target_properties(superchat::superchat PROPERTIES
            IMPORTED_LOCATION "${_superchat_library}.so"
            INTERFACE_INCLUDE_DIRECTORIES "${_superchat_prefix}/include")
    endif()
endforeach()

if(NOT TARGET superchat::superchat AND TARGET superchat::static)
    add_library(superchat::superchat INTERFACE IMPORTED)
    set_target_properties(superchat::superchat PROPERTIES
        INTERFACE_LINK_LIBRARIES superchat::static)
endif()

if(NOT TARGET superchat::superchat)
    set(superchat_FOUND FALSE)
    set(superchat_NOT_FOUND_MESSAGE "no libsuperchat.so or libsuperchat.a in ${_superchat_prefix}")
endif()

unset(_superchat_library)
unset(_superchat_libdir)
unset(_superchat_prefix)

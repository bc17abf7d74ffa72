# marlin_metal_kernels(<target> SOURCES <file.metal>... [INCLUDES <dir>...] [DEFINES <name=value>...])
#
# A library of Metal kernels for tests: linking <target> makes msl::find_kernel (runtime/msl.h) find every kernel of the
# files. Each file is compiled three times: with strict address spaces, only to see that it does; with every access
# checked; and plain. src/ is always on the include path, for src/abi.
function(marlin_metal_kernels target)
  cmake_parse_arguments(ARG "" "" "SOURCES;INCLUDES;DEFINES" ${ARGN})
  if(NOT MARLIN_METAL_KERNELS)
    message(FATAL_ERROR "marlin_metal_kernels(${target}): ask for MARLIN_METAL_KERNELS first (tests/support/msl)")
  endif()
  file(GLOB tools ${MARLIN_MSL_DIR}/translator/*.py ${MARLIN_MSL_DIR}/include/*.h ${MARLIN_MSL_DIR}/include/shim/*.h
       ${MARLIN_MSL_DIR}/stubs/*)
  set(flags -I ${PROJECT_SOURCE_DIR}/src)
  foreach(include ${ARG_INCLUDES})
    list(APPEND flags -I ${include})
  endforeach()
  foreach(define ${ARG_DEFINES})
    list(APPEND flags -D ${define})
  endforeach()
  set(objects)
  foreach(source ${ARG_SOURCES})
    get_filename_component(name ${source} NAME_WE)
    get_filename_component(path ${source} ABSOLUTE)
    set(prefix ${CMAKE_CURRENT_BINARY_DIR}/${target}.dir/${name})
    add_custom_command(
      OUTPUT ${prefix}.checked.o ${prefix}.fast.o ${prefix}.strict
      COMMAND ${MARLIN_MSL_PYTHON} ${MARLIN_MSL_DIR}/translator/mslcc.py --clang ${MARLIN_METAL_CLANG} ${flags}
              --output ${prefix} ${path}
      DEPENDS ${path} ${tools}
      DEPFILE ${prefix}.d
      COMMENT "Metal kernels ${name}.metal"
      VERBATIM)
    list(APPEND objects ${prefix}.checked.o ${prefix}.fast.o)
  endforeach()
  add_library(${target}_objects STATIC ${objects})
  set_target_properties(${target}_objects PROPERTIES LINKER_LANGUAGE CXX)
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT TRUE GENERATED TRUE)
  add_library(${target} INTERFACE)
  # Kernels register themselves: nothing refers to their objects.
  target_link_libraries(${target} INTERFACE $<LINK_LIBRARY:WHOLE_ARCHIVE,${target}_objects> marlin::msl)
endfunction()

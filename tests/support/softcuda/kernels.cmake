# marlin_softcuda_sources(<files>...): .cu files of this folder are compiled as C++ against CUDA in software, by any target
# that links marlin::softcuda. Kernels read memory as types it does not have, which nvcc allows. ThreadSanitizer would
# take one fibre for another; AddressSanitizer sees kernels as it sees the program.
function(marlin_softcuda_sources)
  set(options -include cuda_runtime.h -fno-strict-aliasing -Wno-unknown-pragmas)
  if(MARLIN_SANITIZE STREQUAL "thread")
    list(APPEND options -fno-sanitize=thread)
  endif()
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "${options}")
endfunction()

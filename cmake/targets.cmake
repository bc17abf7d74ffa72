# One target per source folder. Dependencies point one way (docs/architecture.md); tools/check_layers.py proves it.

add_library(marlin_options INTERFACE)
target_include_directories(marlin_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
target_compile_options(marlin_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wno-sign-conversion;-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 reports these inside its own std::string and std::optional; clang-tidy finds the real ones.
  target_compile_options(marlin_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(MARLIN_SANITIZE)
  target_compile_definitions(marlin_options INTERFACE MARLIN_CHECKED)
endif()
if(MARLIN_SANITIZE STREQUAL "address")
  target_compile_options(marlin_options INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(marlin_options INTERFACE -fsanitize=address,undefined)
elseif(MARLIN_SANITIZE STREQUAL "thread")
  target_compile_options(marlin_options INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
  target_link_options(marlin_options INTERFACE -fsanitize=thread)
elseif(MARLIN_SANITIZE STREQUAL "fuzzer")
  target_compile_options(marlin_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(marlin_options INTERFACE -fsanitize=address,undefined)
elseif(MARLIN_SANITIZE)
  message(FATAL_ERROR "MARLIN_SANITIZE must be empty, address, thread or fuzzer, not '${MARLIN_SANITIZE}'")
endif()

# marlin_library(<name> DEPENDS <targets>...): static library marlin::<name> of all .cc files of this folder.
function(marlin_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(marlin_${name} STATIC ${sources})
  add_library(marlin::${name} ALIAS marlin_${name})
  target_link_libraries(marlin_${name} PUBLIC marlin_options ${ARG_DEPENDS})
endfunction()

# marlin_coroutines(<files>...): files of this folder with coroutines. Clang 14 cannot assemble what its check of function
# types puts in front of functions that were split off them.
function(marlin_coroutines)
  if(MARLIN_SANITIZE STREQUAL "fuzzer")
    set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS -fno-sanitize=function)
  endif()
endfunction()

# marlin_test(<name> DEPENDS <targets>... [LABELS <labels>...]): one test program of all *_test.cc files of this folder.
function(marlin_test name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LABELS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.cc)
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE marlin_options ${ARG_DEPENDS} GTest::gtest GTest::gtest_main)
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_definitions(test_${name} PRIVATE MARLIN_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}")
endfunction()

# marlin_softgpu_test(<name> GPU metal|cuda PROGRAM <test> OPTIONS <SOFTMETAL or SOFTCUDA words> [LABELS <labels>...]): the
# cases of a test program that are named after that GPU, on its software. The program's own test leaves them out.
function(marlin_softgpu_test name)
  cmake_parse_arguments(ARG "" "GPU;PROGRAM;OPTIONS" "LABELS" ${ARGN})
  string(TOUPPER SOFT${ARG_GPU} software)
  if(NOT MARLIN_${software} OR (APPLE AND ARG_GPU STREQUAL "metal"))
    return()
  endif()
  add_test(NAME ${name} COMMAND test_${ARG_PROGRAM} --gtest_filter=*/${ARG_GPU}*)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABELS}" ENVIRONMENT "${software}=${ARG_OPTIONS}")
  set_tests_properties(${ARG_PROGRAM} PROPERTIES ENVIRONMENT "GTEST_FILTER=-*/metal*:*/cuda*")
endfunction()

# Writes a C++ file that holds the files of the web page (src/serving/web/web_files.h); run while building:
#   cmake -DOUTPUT=web_files.cc -P embed_files.cmake FILE...
# Bytes are written as characters of an array, because compilers limit the length of string literals.
set(arrays "")
set(rows "")
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE 4 ${last})  # behind the script
  set(path "${CMAKE_ARGV${i}}")
  get_filename_component(name "${path}" NAME)
  file(SHA256 "${path}" digest)
  string(SUBSTRING "${digest}" 0 16 digest)
  file(READ "${path}" bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(REPLACE "'\\x0a'," "'\\x0a',\n    " bytes "${bytes}")  # lines as in the file
  string(APPEND arrays "constexpr char kFile${i}[] = {\n    ${bytes}};\n\n")
  string(APPEND rows "    {\"${name}\", {kFile${i}, sizeof(kFile${i})}, \"${digest}\"},\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made by cmake/embed_files.cmake.
#include \"serving/web/web_files.h\"

namespace marlin::web {
namespace {

${arrays}constexpr WebFile kFiles[] = {
${rows}};

}  // namespace

std::span<const WebFile> web_files() { return kFiles; }

}  // namespace marlin::web
")

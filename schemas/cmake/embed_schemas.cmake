# Writes the schema files into one C++ source, as raw strings:
#
#   cmake -DOUTPUT=x.cpp "-DFILES=a.json|b.json" -P embed_schemas.cmake
#
# Compilers bound the length of a string literal (16 KiB in one of them), so a file becomes several
# pieces, which registry.cpp joins.

set(piece_length 4000)
string(REPLACE "|" ";" files "${FILES}")

set(pieces "")
set(index 0)
set(rows "")
foreach(file IN LISTS files)
  file(READ "${file}" text)  # lengths below are characters: at most four bytes each
  get_filename_component(name "${file}" NAME)
  string(FIND "${text}" ")json\"" delimiter_at)
  if(NOT delimiter_at EQUAL -1)
    message(FATAL_ERROR "${file}: holds the delimiter of the generated literals")
  endif()
  string(LENGTH "${text}" length)
  if(length EQUAL 0)
    message(FATAL_ERROR "${file}: is empty")
  endif()
  set(literals "")
  set(start 0)
  while(start LESS length)
    string(SUBSTRING "${text}" ${start} ${piece_length} piece)
    string(APPEND literals "    R\"json(${piece})json\",\n")
    math(EXPR start "${start} + ${piece_length}")
  endwhile()
  string(APPEND pieces
    "constexpr std::string_view pieces_${index}[] = {\n${literals}};\n\n")
  string(APPEND rows "    {\"${name}\", pieces_${index}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE "${OUTPUT}.new"
"// Generated from schemas/json by embed_schemas.cmake.
#include \"embedded.hpp\"

namespace perdure {

namespace {

${pieces}constexpr EmbeddedFile files[] = {
${rows}};

}  // namespace

std::span<const EmbeddedFile> embedded_files() { return files; }

}  // namespace perdure
")
file(COPY_FILE "${OUTPUT}.new" "${OUTPUT}")
file(REMOVE "${OUTPUT}.new")

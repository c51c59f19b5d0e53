# Writes an assembler file that takes the given files into the program as they are, with a gzip
# variant of each, and a C++ file that names them.
#   cmake -DOUTPUT_DIR=… -DGZIP=… -DFILES=name=type=path|… -P embed_assets.cmake
set(assembly "    .section .rodata\n")
set(declarations "")
set(rows "")
string(REPLACE "|" ";" files "${FILES}")
set(number 0)
foreach(file IN LISTS files)
  string(REPLACE "=" ";" parts "${file}")
  list(GET parts 0 name)
  list(GET parts 1 type)
  string(REPLACE "%charset%" "\\073 charset=" type "${type}")  # an octal escape: no list separator
  list(GET parts 2 path)
  if(name STREQUAL "redoc.standalone.js")
    # It shows its maker's logo from the maker's server; the pages ask nobody but this one.
    file(READ "${path}" text)
    string(REPLACE "https://cdn.redoc.ly/redoc/logo-mini.svg" "data:image/svg+xml,"
      own_text "${text}")
    if(own_text STREQUAL text)
      message(FATAL_ERROR "${path} has no logo at the known address any more")
    endif()
    set(path "${OUTPUT_DIR}/${name}")
    file(WRITE "${path}" "${own_text}")
  endif()
  set(packed "${OUTPUT_DIR}/${name}.gz")
  execute_process(COMMAND "${GZIP}" -9 -n -c "${path}" OUTPUT_FILE "${packed}"
    COMMAND_ERROR_IS_FATAL ANY)
  foreach(variant plain gzip)
    set(symbol "perdure_asset_${number}_${variant}")
    set(source "${path}")
    if(variant STREQUAL "gzip")
      set(source "${packed}")
    endif()
    string(APPEND assembly
      "    .global ${symbol}\n    .global ${symbol}_end\n"
      "${symbol}:\n    .incbin \"${source}\"\n${symbol}_end:\n    .byte 0\n")
    string(APPEND declarations
      "extern const char ${symbol}[];\nextern const char ${symbol}_end[];\n")
  endforeach()
  set(symbol "perdure_asset_${number}")
  string(APPEND rows
    "      {\"${name}\", \"${type}\",\n"
    "       {${symbol}_plain, static_cast<std::size_t>(${symbol}_plain_end - ${symbol}_plain)},\n"
    "       {${symbol}_gzip, static_cast<std::size_t>(${symbol}_gzip_end - ${symbol}_gzip)}},\n")
  math(EXPR number "${number} + 1")
endforeach()
string(APPEND assembly "    .section .note.GNU-stack,\"\",%progbits\n")
file(WRITE "${OUTPUT_DIR}/assets.S" "${assembly}")
file(WRITE "${OUTPUT_DIR}/assets.cpp"
"#include <array>

#include \"app/static_files.hpp\"

extern \"C\" {
${declarations}}

namespace perdure::api {

std::span<const StaticFile> static_files() {
  static const std::array<StaticFile, ${number}> files{{
${rows}  }};
  return files;
}

}  // namespace perdure::api
")

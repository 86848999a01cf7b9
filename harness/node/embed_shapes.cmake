# Writes builtin_shapes.h: every shapes/*.json as a C++ string, by the file's name.
#   cmake -DSHAPES=dir -DOUTPUT=builtin_shapes.h -P embed_shapes.cmake
file(GLOB shapes ${SHAPES}/*.json)
list(SORT shapes)
list(LENGTH shapes count)
set(entries "")
foreach(shape IN LISTS shapes)
  get_filename_component(name ${shape} NAME_WE)
  file(READ ${shape} text)
  string(APPEND entries "    {\"${name}\", R\"shape(${text})shape\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by embed_shapes.cmake from harness/node/shapes.
#pragma once
#include <array>
#include <string_view>
#include <utility>
namespace nodeproof::node {
constexpr std::array<std::pair<std::string_view, std::string_view>, ${count}> kBuiltinShapes{{
${entries}}};
}  // namespace nodeproof::node
")

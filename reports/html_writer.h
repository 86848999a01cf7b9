// HTML and inline SVG built element by element: a tag cannot stay open, and no text or attribute
// value can get into the page unescaped.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nodeproof::reports {

class HtmlWriter {
 public:
  using Attribute = std::pair<std::string_view, std::string_view>;

  void Open(std::string_view tag, std::initializer_list<Attribute> attributes = {});
  void Close();
  // Any text; it is made printable and escaped.
  void Text(std::string_view text);
  // Text of several lines, kept as lines (for <pre>); each is made printable and escaped.
  void Lines(std::string_view text);
  // A claim's name, which a narrow column may break after its dots but not within its words.
  void Name(std::string_view text);
  // An element that holds only text.
  void Element(std::string_view tag, std::initializer_list<Attribute> attributes,
               std::string_view text);
  // An element without content, as <br> or an SVG shape.
  void Empty(std::string_view tag, std::initializer_list<Attribute> attributes);
  // Markup of our own (a style sheet, the document type), never anything that was read.
  void Own(std::string_view markup) { out_ += markup; }

  // The page; every element must be closed.
  std::string Take();

 private:
  void Start(std::string_view tag, std::initializer_list<Attribute> attributes);

  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace nodeproof::reports

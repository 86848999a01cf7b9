#include "reports/html_writer.h"

#include <cassert>

#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : Printable(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
}

}  // namespace

void HtmlWriter::Start(std::string_view tag, std::initializer_list<Attribute> attributes) {
  out_ += '<';
  out_ += tag;
  for (const auto& [name, value] : attributes) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    AppendEscaped(value, out_);
    out_ += '"';
  }
}

void HtmlWriter::Open(std::string_view tag, std::initializer_list<Attribute> attributes) {
  Start(tag, attributes);
  out_ += '>';
  open_.emplace_back(tag);
}

void HtmlWriter::Close() {
  assert(!open_.empty());
  const std::string tag = std::move(open_.back());
  open_.pop_back();
  out_ += "</" + tag + ">";
  // One line an element that stands alone: the page can be read and compared as text.
  if (tag != "span" && tag != "b" && tag != "code" && tag != "a" && tag != "text") out_ += '\n';
}

void HtmlWriter::Text(std::string_view text) { AppendEscaped(text, out_); }

void HtmlWriter::Element(std::string_view tag, std::initializer_list<Attribute> attributes,
                         std::string_view text) {
  Open(tag, attributes);
  Text(text);
  Close();
}

void HtmlWriter::Empty(std::string_view tag, std::initializer_list<Attribute> attributes) {
  Start(tag, attributes);
  out_ += "/>";
}

std::string HtmlWriter::Take() {
  assert(open_.empty());
  return std::move(out_);
}

}  // namespace nodeproof::reports

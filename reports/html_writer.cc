#include "reports/html_writer.h"

#include <cassert>

#include "reports/printable.h"

namespace nodeproof::reports {
namespace {

std::string_view EntityOf(char c) {
  switch (c) {
    case '&':
      return "&amp;";
    case '<':
      return "&lt;";
    case '>':
      return "&gt;";
    case '"':
      return "&quot;";
    default:
      return "&#39;";
  }
}

void AppendEscaped(std::string_view text, std::string& out) {
  const std::string printable = Printable(text);
  std::string_view rest = printable;
  for (;;) {
    const size_t at = rest.find_first_of("&<>\"'");
    out += rest.substr(0, at);
    if (at == std::string_view::npos) return;
    out += EntityOf(rest[at]);
    rest.remove_prefix(at + 1);
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

void HtmlWriter::Lines(std::string_view text) {
  for (;;) {
    const size_t end = text.find('\n');
    AppendEscaped(text.substr(0, end), out_);
    if (end == std::string_view::npos) return;
    out_ += '\n';
    text.remove_prefix(end + 1);
  }
}

void HtmlWriter::Name(std::string_view text) {
  for (;;) {
    const size_t dot = text.find('.');
    if (dot == std::string_view::npos) return AppendEscaped(text, out_);
    AppendEscaped(text.substr(0, dot + 1), out_);
    Empty("wbr", {});
    text.remove_prefix(dot + 1);
  }
}

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

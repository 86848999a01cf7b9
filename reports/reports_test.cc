#include "reports/reports.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <pugixml.hpp>
#include <random>

#include "harness/base/file.h"
#include "harness/base/utf8.h"
#include "reports/export/export.h"
#include "reports/golden.h"
#include "reports/many_claims.h"

namespace nodeproof::reports {
namespace {

using results::Claim;
using results::Results;
using results::Verdict;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kTestdata = NODEPROOF_SOURCE_DIR "/reports/testdata/";

Results Load(const std::string& name) {
  const std::string path = kTestdata + name + ".json";
  auto results = results::ParseResults(ReadFile(path).value(), path);
  EXPECT_TRUE(results) << results.error().ToString();
  return results.value_or(Results{});
}

// Every format of testdata/<document>.json against its golden file; `reports_test --update-golden`
// writes them anew.
struct Golden {
  const char* document;
  Format format;
  const char* suffix;
};

// A page without its script and that script's hash, which a new Chart.js of the distribution
// changes.
std::string WithoutScript(std::string page) {
  const auto cut = [&](std::string_view from, std::string_view to) {
    const size_t begin = page.find(from);
    if (begin == std::string::npos) return;
    const size_t end = page.find(to, begin + from.size());
    page.replace(begin + from.size(), end - begin - from.size(), "left out");
  };
  cut("script-src 'sha256-", "'");
  cut("<script>", "</script>");
  return page;
}

class GoldenTest : public testing::TestWithParam<Golden> {};

TEST_P(GoldenTest, RendersAsBefore) {
  const Golden& golden = GetParam();
  const auto text = Render(golden.format, Load(golden.document));
  ASSERT_TRUE(text) << text.error().ToString();
  const bool page = golden.format == Format::kHtml;
  ExpectGolden(std::string(golden.document) + golden.suffix, page ? WithoutScript(*text) : *text);
}

std::vector<Golden> Goldens() {
  std::vector<Golden> all;
  for (const char* document : {"mixed", "hostile"}) {
    all.insert(all.end(), {{document, Format::kJson, ".json"},
                           {document, Format::kConsole, ".console.txt"},
                           {document, Format::kJunit, ".junit.xml"},
                           {document, Format::kKtap, ".ktap"},
                           {document, Format::kHtml, ".html"},
                           {document, Format::kMarkdown, ".md"},
                           {document, Format::kKcidb, ".kcidb.json"},
                           {document, Format::kLava, ".lava.txt"}});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Documents, GoldenTest, testing::ValuesIn(Goldens()),
                         [](const auto& golden) {
                           return std::string(golden.param.document) + "_" +
                                  std::string(ToString(golden.param.format));
                         });

TEST(ParseFormat, KnowsItsOwnNames) {
  for (const Golden& golden : Goldens()) {
    EXPECT_EQ(ParseFormat(ToString(golden.format)).value(), golden.format);
  }
  const auto format = ParseFormat("pdf\n");
  ASSERT_FALSE(format);
  EXPECT_THAT(format.error().message, StartsWith("\"pdf\\u000a\" is no report format"));
}

// A document whose texts are all `text`, ids too, as a mistaken program might hand it over.
Results Made(const std::string& text) {
  Results results;
  results.run = {
      .id = text, .started = text, .argv = {text}, .version = text, .lane = text, .notes = {text}};
  results.node = {{"kind", text}, {text, text}, {"kernel", text}, {"cpu", {{"count", text}}}};
  for (const Verdict verdict : {Verdict::kHolds, Verdict::kViolated, Verdict::kInconclusive,
                                Verdict::kUnsupported, Verdict::kError}) {
    Claim& claim = results.claims.emplace_back();
    claim.id = text;
    claim.statement = claim.source = claim.reason = claim.no_control_reason = text;
    claim.verdict = verdict;
    results::Arm arm;
    arm.description = text;
    arm.checks = {{text, {1, results::Relation::kWithin, 0.5, text}, {1, 0.9, 1.1, {1}}, {}}};
    arm.load = {{text, text, 1, 1}};
    arm.tree = {{text, {{text, text}}}};
    arm.notes = {text};
    claim.protected_arm = arm;
    if (verdict == Verdict::kViolated) claim.known = results::KnownViolation{text, text};
  }
  return results;
}

size_t Occurrences(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

class HostileText : public testing::TestWithParam<const char*> {};

TEST_P(HostileText, StaysTextInEveryFormat) {
  const Results results = Made(GetParam());
  for (const Format format :
       {Format::kConsole, Format::kJunit, Format::kKtap, Format::kHtml, Format::kMarkdown}) {
    SCOPED_TRACE(ToString(format));
    const std::string text = Render(format, results).value();
    EXPECT_EQ(ToValidUtf8(text), text);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\0'), std::string::npos);
    EXPECT_EQ(text.find('\r'), std::string::npos);
    EXPECT_EQ(text.find("\u202E"), std::string::npos);
    if (format == Format::kHtml || format == Format::kJunit || format == Format::kMarkdown) {
      EXPECT_EQ(Occurrences(text, "<script"), format == Format::kHtml ? 1u : 0u) << "but our own";
      EXPECT_EQ(text.find("<img"), std::string::npos);
    }
  }
}

TEST_P(HostileText, KeepsJunitWellFormed) {
  pugi::xml_document document;
  const std::string text = RenderJunit(Made(GetParam()));
  const auto parsed = document.load_buffer(text.data(), text.size());
  ASSERT_TRUE(parsed) << parsed.description();
  int cases = 0;
  for (const auto& suite : document.child("testsuites").children("testsuite")) {
    for (const auto& each : suite.children("testcase")) cases += each ? 1 : 0;
  }
  EXPECT_EQ(cases, 5);
}

TEST_P(HostileText, KeepsKtapResultsApart) {
  const std::string text = RenderKtap(Made(GetParam()));
  std::vector<std::string> lines;
  for (const auto line : Split(text, '\n')) {
    if (line.starts_with("ok ") || line.starts_with("not ok ")) lines.emplace_back(line);
  }
  ASSERT_EQ(lines.size(), 5u);
  const std::array<const char*, 5> outcomes = {"", " # XFAIL ", " # inconclusive: ", " # SKIP ",
                                               " # ERROR "};
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t hash = lines[i].find(" # ");
    EXPECT_EQ(hash == std::string::npos ? "" : lines[i].substr(hash).substr(0, strlen(outcomes[i])),
              outcomes[i]);
    EXPECT_EQ(lines[i].rfind(" # "), hash) << "a second directive: " << lines[i];
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, HostileText,
                         testing::Values("<script>alert(1)</script>", "<img src=x onerror=a()>",
                                         "line\nok 9 fake\r\nnot ok 10", "\x1b[2J\x07",
                                         "]]> <![CDATA[", "a # SKIP b", "# TODO", "`x` | y",
                                         "\xff\xfe\xC0\xAF", "\u202Egnp.exe", "\"' onload='a()", "",
                                         "]]>&amp;<!--", "\xEF\xBF\xBE\xC2\x85"));

TEST(Junit, MapsVerdictsAsCiSystemsReadThem) {
  pugi::xml_document document;
  const std::string text = RenderJunit(Load("mixed"));
  ASSERT_TRUE(document.load_string(text.c_str()));
  const pugi::xml_node suites = document.child("testsuites");
  EXPECT_STREQ(suites.attribute("tests").value(), "10");
  EXPECT_STREQ(suites.attribute("failures").value(), "2") << "violated and inconclusive";
  EXPECT_STREQ(suites.attribute("skipped").value(), "2") << "unsupported and known";
  EXPECT_STREQ(suites.attribute("errors").value(), "1");
  const auto find = [&](const char* name) {
    return document.select_node(fmt::format("//testcase[@name='{}']", name).c_str()).node();
  };
  EXPECT_FALSE(find("cpu.weight.siblings").child("failure"));
  EXPECT_STREQ(find("cpu.max.ceiling").child("failure").attribute("type").value(), "violated");
  EXPECT_STREQ(find("cpu.wakeup.protected").child("failure").attribute("type").value(),
               "inconclusive");
  EXPECT_TRUE(find("cpu.max.burst").child("skipped"));
  EXPECT_TRUE(find("memory.max.page-cache-never-oom").child("skipped"));
  EXPECT_TRUE(find("memory.min.anon-hog").child("error"));
  EXPECT_TRUE(find("memory.max.oom#2")) << "the second iteration is a case of its own";
}

TEST(Console, ColoursOnlyWhenAsked) {
  const Results results = Load("mixed");
  EXPECT_EQ(RenderConsole(results, Colour::kNo).find('\x1b'), std::string::npos);
  EXPECT_THAT(RenderConsole(results, Colour::kYes), HasSubstr("\x1b[1;31mviolated\x1b[0m"));
}

// Whatever happens to a file's bytes, the reader answers, and what it accepts can be rendered.
TEST(Reports, SurviveDamagedFiles) {
  const std::string whole = results::Serialize(Load("hostile")).value();
  std::mt19937 random(20261121);
  const std::string_view pieces[] = {"\"",    "{", "}",  "[",    "]",   ",",
                                     "1e400", "-", "\\", "null", "\xff"};
  int refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string text = whole;
    for (int change = 0; change < 1 + round % 3; ++change) {
      const size_t at = random() % text.size();
      switch (random() % 4) {
        case 0:
          text[at] = static_cast<char>(random());
          break;
        case 1:
          text.erase(at, 1 + random() % 40);
          break;
        case 2:
          text.insert(at, pieces[random() % std::size(pieces)]);
          break;
        default:
          text.insert(at, text.substr(random() % text.size(), random() % 60));
      }
    }
    const auto parsed = results::ParseResults(text, "damaged.json");
    if (!parsed) {
      ++refused;
      const std::string line = parsed.error().ToString();
      ASSERT_THAT(line, StartsWith("damaged.json: "));
      ASSERT_EQ(line.find_first_of("\n\x1b"), std::string::npos) << line;
      ASSERT_LT(line.size(), 1000u);
      continue;
    }
    for (const Golden& golden : Goldens()) ASSERT_TRUE(Render(golden.format, *parsed));
  }
  EXPECT_GT(refused, 1000);
}

TEST(Reports, SayWhatIsMissingFromARun) {
  Results results = Load("mixed");
  results.run.complete = false;
  results.run.control = false;
  for (const Format format : {Format::kConsole, Format::kKtap, Format::kHtml}) {
    const std::string text = Render(format, results).value();
    EXPECT_THAT(text, HasSubstr("The run did not complete")) << ToString(format);
    EXPECT_THAT(text, HasSubstr("Control arms were skipped")) << ToString(format);
  }
}

TEST(Reports, RenderARunWithoutClaims) {
  for (const Golden& golden : Goldens()) {
    const auto text = Render(golden.format, Results{});
    ASSERT_TRUE(text) << ToString(golden.format);
    // Signals speak of claims alone.
    EXPECT_EQ(text->empty(), golden.format == Format::kLava);
  }
}

TEST(Html, LoadsNothingAndRunsOnlyItsOwnScript) {
  const std::string text = RenderHtml(Load("hostile"));
  EXPECT_EQ(Occurrences(text, "<script"), 1u);
  EXPECT_EQ(Occurrences(text, "; script-src 'sha256-"), 1u)
      << "its policy allows that script alone";
  for (const char* loader :
       {"<link", "<img", "<iframe", "<object", "<svg onload", "url(", "@import"}) {
    EXPECT_EQ(text.find(loader), std::string::npos) << loader;
  }
}

TEST(Html, DrawsFiguresOfAnySize) {
  Results results = Made("x");
  const std::array<double, 6> figures = {0, -1, 5e-324, 1e-9, 1e15, 1.7e308};
  for (const double from : figures) {
    for (const double to : figures) {
      results::Check& check = results.claims[0].protected_arm->checks[0];
      check.expected.value = from;
      check.expected.tolerance = std::abs(to);
      check.measured = {to, std::min(from, to), std::max(from, to), {from, to, -to}};
      const std::string text = RenderHtml(results);
      EXPECT_EQ(text.find("\"nan\""), std::string::npos) << from << " " << to;
      EXPECT_EQ(text.find("\"inf\""), std::string::npos) << from << " " << to;
      EXPECT_EQ(text.find("Mnan"), std::string::npos) << from << " " << to;
    }
  }
}

Json Row(const char* name, const Json& quantities) {
  return {{"name", name}, {"status", "measured"}, {"quantities", quantities}};
}

TEST(Html, DrawsWhatNumaBenchmarksFound) {
  const auto quantity = [](double value, const char* unit, const char* better) {
    return Json{{"value", value}, {"unit", unit}, {"better", better}};
  };
  Results results;
  results.benchmarks = {
      Row("numa.latency.matrix", {{"node 0 to 0", quantity(80, "nsec", "lower")},
                                  {"node 0 to 2", quantity(160, "nsec", "lower")}}),
      Row("numa.loaded-latency.curve",
          {{"delay 0 us: latency", quantity(200, "nsec", "lower")},
           {"delay 0 us: bandwidth", quantity(1e9, "bytes/s", "higher")},
           {"delay 9 us: latency", quantity(100, "nsec", "lower")}})};
  const std::string text = RenderHtml(results);
  EXPECT_THAT(text, HasSubstr("<th>node 2</th>"));
  EXPECT_THAT(text, HasSubstr("style=\"--heat:60\">160"));
  EXPECT_THAT(text, HasSubstr("aria-label=\"latency over bandwidth\""));
  EXPECT_EQ(text.find("<th scope=\"row\">9 us</th>"), std::string::npos) << "half a point";
}

TEST(Html, DrawsNoMatrixOfNamesThatNeverMeet) {
  Results results;
  for (int i = 0; i < 2000; ++i) {
    const std::string name = fmt::format("interference.isolation.victim-{}.aggressor-{}", i, i);
    results.benchmarks.push_back(Row(name.c_str(), {{"mean", {{"value", 0.5}}}}));
  }
  EXPECT_LT(RenderHtml(results).size(), 3'000'000u);
}

TEST(Evidence, KeepsItsLinesAndNothingElse) {
  Results results = Load("mixed");
  results.claims.resize(1);
  results.claims[0].verdict = Verdict::kViolated;
  results.claims[0].reason = "broken";
  results.claims[0].evidence = {{"kernel log", "one\n<b>two\x1b[2J\n"}};
  EXPECT_THAT(RenderHtml(results), HasSubstr("<pre>one\n&lt;b&gt;two\\u{1b}[2J\n</pre>"));
  std::string name = testing::TempDir() + "nodeproof-evidence-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(name.data());
  ASSERT_TRUE(WriteReports(directory, results));
  EXPECT_THAT(ReadFile((directory / "evidence.txt").string()).value(),
              HasSubstr("=== kernel log\none\n<b>two\\u{1b}[2J\n"));
  std::filesystem::remove_all(directory);
}

TEST(Reports, ShowNoFiguresOfWhatWasNotMeasured) {
  Results results = Load("mixed");
  results.claims.resize(1);
  Claim& claim = results.claims[0];
  claim.verdict = Verdict::kInconclusive;
  claim.reason = "no usable window";
  claim.evidence.clear();
  results::Check& check = claim.protected_arm->checks.at(0);
  claim.protected_arm->checks.resize(1);
  check.measured = {};
  check.finding = results::Finding::kUnclear;
  for (const Format format :
       {Format::kConsole, Format::kJunit, Format::kKtap, Format::kHtml, Format::kMarkdown}) {
    EXPECT_THAT(Render(format, results).value(), HasSubstr("not measured")) << ToString(format);
  }
  EXPECT_EQ(RenderLava(results).find("MEASUREMENT"), std::string::npos);
  check.measured.samples = {0};
  check.finding = results::Finding::kOutside;
  EXPECT_EQ(RenderHtml(results).find("not measured"), std::string::npos) << "a zero was counted";
}

TEST(Markdown, FitsAPullRequestComment) {
  Results results = Load("mixed");
  results.run.notes.assign(5000, "a note that a run of many repetitions makes");
  while (results.claims.size() < 3000) results.claims.push_back(results.claims[2]);
  const std::string text = RenderMarkdown(results);
  EXPECT_LT(text.size(), 65536u);
  EXPECT_THAT(text, HasSubstr("more are in report.html"));
  EXPECT_THAT(text, HasSubstr("#### Needs attention\n\n**cpu.max.ceiling")) << "notes leave room";
}

TEST(WriteReports, WritesEveryFileOrNamesTheOneItCouldNot) {
  std::string name = testing::TempDir() + "nodeproof-reports-XXXXXX";
  const std::filesystem::path directory = ::mkdtemp(name.data());
  const Results results = Load("mixed");
  ASSERT_TRUE(WriteReports(directory, results));
  EXPECT_THAT(ListDirectory(AT_FDCWD, directory.string()).value(),
              testing::ElementsAre("evidence.txt", "junit.xml", "report.html", "results.json",
                                   "results.ktap"));
  EXPECT_EQ(ReadFile((directory / "results.json").string()).value(),
            results::Serialize(results).value());
  std::filesystem::remove_all(directory);
  const auto written = WriteReports(directory, results);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("results.json"));
}

}  // namespace

// For the browser test: mixed.html, hostile.html and many.html (10,000 claims) in `folder`; the
// exit status.
int WritePages(const std::string& folder) {
  const auto write = [&](const std::string& name, const Results& results) {
    const auto page = Render(Format::kHtml, results);
    return page && WriteFileAtomic(folder + "/" + name + ".html", *page);
  };
  const bool written = write("mixed", Load("mixed")) && write("hostile", Load("hostile")) &&
                       write("many", ManyClaims(kTestdata + "mixed.json"));
  return written ? 0 : 2;
}

}  // namespace nodeproof::reports

int main(int argc, char** argv) {
  testing::InitGoogleMock(&argc, argv);
  const std::vector<std::string_view> args(argv + 1, argv + argc);
  if (args == std::vector<std::string_view>{"--update-golden"}) {
    nodeproof::reports::UpdateGoldenFiles();
  } else if (args.size() == 2 && args[0] == "--pages") {
    return nodeproof::reports::WritePages(std::string(args[1]));
  } else if (!args.empty()) {
    fmt::print(stderr, "usage: reports_test [--update-golden | --pages FOLDER]\n");
    return 2;
  }
  return RUN_ALL_TESTS();
}

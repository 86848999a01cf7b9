// What a user sees while a run goes on: on a terminal one live line with an estimate of the time
// left, and a line for each finished claim in any case.
#pragma once

#include <cstdio>
#include <string>

#include "harness/base/clock.h"
#include "harness/base/json.h"
#include "harness/results/results.h"

namespace nodeproof::cli {

class Progress {
 public:
  // `live` shows the live line (the stream is a terminal).
  Progress(std::FILE* stream, bool live, const Clock& clock);
  ~Progress() { EraseLine(); }

  void Note(std::string_view text);
  void ClaimStarted(std::string_view id, int index, int total);
  void Windows(std::string_view arm, int windows);
  void ClaimFinished(const results::Claim& claim);
  void BenchmarkFinished(const Json& row);

 private:
  void EraseLine();
  void DrawLine();
  std::string TimeLeft() const;

  std::FILE* stream_;
  bool live_;
  const Clock& clock_;
  Nanoseconds started_;
  std::string id_;
  std::string arm_;
  int windows_ = 0;
  int index_ = 0;
  int total_ = 0;
  int finished_ = 0;
};

// "holds         cpu.weight.siblings  0.6994 ± 0.0012 (expected 0.70 ± 0.02 ratio)  8.1 s"
std::string ClaimLine(const results::Claim& claim);

// "cpu.wakeup.idle        58.2 us  p50 57.1  p99 80.2  p999 95.1  max 120"
std::string BenchmarkLine(const Json& row);

}  // namespace nodeproof::cli

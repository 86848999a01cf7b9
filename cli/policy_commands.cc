// `nodeproof plan` and `nodeproof model`: the kubelet's policy on the command line.
#include <unistd.h>

#include <memory>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "harness/base/file.h"
#include "harness/capsule/node_here.h"
#include "harness/kubelet/api/kubelet_config.h"
#include "harness/kubelet/api/node_spec.h"
#include "harness/kubelet/api/parse_pods.h"
#include "harness/kubelet/model/model.h"
#include "harness/kubelet/node_plan/node_plan.h"
#include "harness/kubelet/plan/plan.h"
#include "harness/topology/facts.h"
#include "harness/topology/topology.h"

namespace nodeproof::cli {
namespace {

// The node of the worked examples, for a plan that names none.
constexpr int kExampleCpus = 4;
constexpr Bytes kExampleMemory = GiB(8);

struct PlanCommandOptions {
  std::vector<std::string> pods;
  std::string node_spec;
  bool this_node = false;
  std::string kubelet_config;
  std::string driver;
  std::string weight_formula = "quadratic";
  bool strict = false;
  bool json = false;
};

// "-" is standard input.
Result<std::string> ReadInput(const std::string& file) {
  return file == "-" ? ReadAll(STDIN_FILENO, "standard input") : ReadFile(file);
}

// An error in a file, with the file's name in front.
template <typename T>
Result<T> In(const std::string& file, Result<T> result) {
  if (!result) result.error().message = file + ": " + result.error().message;
  return result;
}

// The machine that nodeproof runs on, as a kubelet would see it.
Result<kubelet::NodeSpec> ThisNode() {
  const Topology topology = TRY(ReadTopology());
  const Json facts = TRY(ReadNodeFacts("host"));
  const Bytes memory{facts.at("memory").at("total_bytes").get<int64_t>()};
  kubelet::NodeSpec node = capsule::NodeSpecOf(topology, memory);
  node.memory_bytes = memory.value;
  node.swap_bytes = facts.at("memory").at("swap_bytes").get<int64_t>();
  node.page_size = facts.at("memory").at("page_size").get<int64_t>();
  if (const auto pid_max = ReadFile("/proc/sys/kernel/pid_max")) {
    node.pid_max = ParseInt(Trim(*pid_max)).value_or(0);
  }
  return node;
}

Result<kubelet::NodeSpec> ChooseSpec(const PlanCommandOptions& options) {
  if (options.this_node) return ThisNode();
  if (options.node_spec.empty()) return kubelet::SimpleNode(kExampleCpus, kExampleMemory.value);
  return In(options.node_spec, kubelet::ParseNodeSpec(TRY(ReadInput(options.node_spec))));
}

Result<kubelet::PlanOptions> MakeOptions(const PlanCommandOptions& options) {
  kubelet::PlanOptions plan;
  if (options.driver == "systemd") plan.driver = kubelet::CgroupDriver::kSystemd;
  if (options.driver == "cgroupfs") plan.driver = kubelet::CgroupDriver::kCgroupfs;
  plan.weight_formula = options.weight_formula == "linear" ? kubelet::WeightFormula::kLinear
                                                           : kubelet::WeightFormula::kQuadratic;
  return plan;
}

void Warn(const std::string& file, const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    fmt::print(stderr, "warning: {}{}\n", file.empty() ? "" : file + ": ", warning);
  }
}

Result<int> Plan(const PlanCommandOptions& options) {
  std::vector<kubelet::PodSource> sources;
  for (const std::string& file : options.pods) sources.push_back({file, TRY(ReadInput(file))});
  const kubelet::ParsedPods pods =
      TRY(kubelet::ParsePods(sources, {.strict = options.strict, .api_server = true}));
  Warn("", pods.warnings);
  kubelet::KubeletConfiguration config;
  if (!options.kubelet_config.empty()) {
    const auto parsed = TRY(
        In(options.kubelet_config, kubelet::ParseKubeletConfiguration(
                                       TRY(ReadInput(options.kubelet_config)), {options.strict})));
    Warn(options.kubelet_config, parsed.warnings);
    config = parsed.config;
  }
  const kubelet::Plan plan = TRY(
      kubelet::PlanNode(TRY(ChooseSpec(options)), config, pods.pods, TRY(MakeOptions(options))));
  if (options.json) {
    fmt::print("{}\n", TRY(DumpJson(kubelet::PlanToJson(plan), 2)));
  } else {
    Warn("", plan.warnings);
    TRY(WriteAll(STDOUT_FILENO, kubelet::RenderPlan(plan), "standard output"));
  }
  return kExitOk;
}

Result<int> Model(const std::string& topic, bool list, bool json) {
  if (list) {
    if (json) {
      fmt::print("{}\n", Json(kubelet::Topics()).dump());
    } else {
      for (const std::string& name : kubelet::Topics()) fmt::print("{}\n", name);
    }
    return kExitOk;
  }
  if (topic.empty()) {
    return std::unexpected(Error{"no topic given", "`nodeproof model --list` shows them", 0});
  }
  const Json answers = TRY(kubelet::AnswerTopicText(topic, TRY(ReadInput("-"))));
  TRY(WriteAll(STDOUT_FILENO, TRY(DumpJson(answers, 1)) + "\n", "standard output"));
  return kExitOk;
}

}  // namespace

Command AddPlanCommand(CLI::App& app) {
  const auto options = std::make_shared<PlanCommandOptions>();
  CLI::App* command =
      app.add_subcommand("plan", "Show the cgroup tree that the kubelet would make for pods.");
  command->add_option("PODS", options->pods, "Pod manifests, YAML or JSON; - is standard input.")
      ->required();
  auto* spec = command->add_option("--node-spec", options->node_spec,
                                   "Node description (default: 4 CPUs, 8Gi).");
  command->add_flag("--this-node", options->this_node, "Plan for the machine this runs on.")
      ->excludes(spec);
  command->add_option("--kubelet-config", options->kubelet_config,
                      "KubeletConfiguration, YAML or JSON.");
  command->add_option("--driver", options->driver, "systemd or cgroupfs (default: the config's).")
      ->check(CLI::IsMember({"systemd", "cgroupfs"}));
  command
      ->add_option("--weight-formula", options->weight_formula,
                   "How the runtime turns shares into cpu.weight (default: quadratic).")
      ->check(CLI::IsMember({"linear", "quadratic"}));
  command->add_flag("--strict", options->strict, "Unknown kinds and fields are errors.");
  command->add_flag("--json", options->json, "Print JSON.");
  return [options] { return Plan(*options); };
}

Command AddModelCommand(CLI::App& app) {
  struct ModelOptions {
    std::string topic;
    bool list = false;
    bool json = false;
  };
  const auto options = std::make_shared<ModelOptions>();
  CLI::App* command = app.add_subcommand(
      "model", "Answer policy cases: JSON on standard input, answers on standard output.");
  command->add_option("TOPIC", options->topic, "What the cases are about.");
  command->add_flag("--list", options->list, "List the topics.");
  command->add_flag("--json", options->json, "With --list: print JSON.");
  return [options] { return Model(options->topic, options->list, options->json); };
}

}  // namespace nodeproof::cli

// SPDX-License-Identifier: Apache-2.0
// metal-marlin select: which kernels a batch of so many token rows gets, and why. Computes nothing.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "commands.h"
#include "engine_flags.h"

namespace marlin::app {
namespace {

struct SelectCommand {
  EngineFlags engine_flags;
  std::vector<std::int64_t> batches = {1, 2, 16, 17, 32, 33};
  bool json = false;

  void operator()() const;
};

boost::json::object to_json(const KernelSelection& selection) {
  return {{"batch", selection.batch},   {"top_k", selection.top_k}, {"bits", selection.bits},
          {"kernel", selection.kernel}, {"tile", selection.tile},   {"reason", selection.reason}};
}

void SelectCommand::operator()() const {
  const std::unique_ptr<Engine> engine = engine_flags.load();
  boost::json::array objects;
  std::string lines;  // printed in one go: a batch that is refused leaves no half an answer
  for (const std::int64_t batch : batches) {
    const KernelSelection selection = engine->kernel_selection(batch);
    objects.push_back(to_json(selection));
    lines += fmt::format("Kernel selection: {}\n", describe(selection));
  }
  fmt::print("{}", json ? boost::json::serialize(objects) + "\n" : lines);
}

}  // namespace

void add_select_command(CLI::App& app) {
  CLI::App* command = app.add_subcommand("select", "Show which kernels a batch gets, and why");
  const auto select = std::make_shared<SelectCommand>();
  select->engine_flags.add_to(*command);
  select->engine_flags.add_synthetic_to(*command);
  command
      ->add_option("-b,--batch", select->batches,
                   "Token rows of a pass, one or several: 1 is decoding, more is a prompt")
      ->type_name("N")
      ->capture_default_str();
  command->add_flag("--json", select->json, "Print a JSON array");
  command->callback([select] { (*select)(); });
}

}  // namespace marlin::app

// One module at its node: its hooks, what they get, and their answers. Nothing that they throw leaves here. Shared with
// the module's thread, which may outlive the node.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <troupe/module.hpp>

#include "actors/modules/hook_context.hpp"
#include "actors/modules/module_inbox.hpp"

namespace troupe {

class module_hooks {
 public:
  module_hooks(std::size_t index, module m, module_block block, std::shared_ptr<module_gate> gate,
               std::shared_ptr<module_inbox> inbox);

  // On the module's thread; each leaves its answer in the inbox.
  void start(std::vector<found_import> found, std::uint64_t run);
  void stop();
  void check();
  void update(std::vector<found_import> found);

  /// How many times stop or updated threw; what the last one said is for the log, once.
  [[nodiscard]] std::uint64_t thrown() const;
  [[nodiscard]] std::string take_complaint();

 private:
  void note(const std::string& fault);
  static void tell_started(module_inbox& inbox, std::size_t index, std::uint64_t run, const expected<void>& done,
                           const std::shared_ptr<std::uint64_t>& answered);

  const std::size_t index_;
  const module module_;
  const std::shared_ptr<module_inbox> inbox_;
  const std::shared_ptr<std::uint64_t> answered_ = std::make_shared<std::uint64_t>(0);  // run; of the driver's thread
  hook_context context_;
  mutable std::mutex mutex_;
  std::uint64_t thrown_ = 0;
  std::string complaint_;
};

}  // namespace troupe

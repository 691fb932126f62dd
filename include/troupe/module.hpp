// Modules: services of an application's own. A node starts a module when what it imports is there, stops it when that
// goes, and starts it again by itself when it is back; what the module exports comes and goes with it, here and at the
// other nodes, so that one start or end leads to the next.
//
//   troupe::module shop;
//   shop.name = "shop";
//   shop.imports = {{"db"}, {"prices", troupe::import_scope::anywhere}};
//   shop.exports = {{"orders"}};
//   shop.start = [](troupe::module_context& here) -> troupe::expected<void> { ... };
//   shop.stop = [](troupe::module_context&) { ... };
//   brings.modules.push_back(shop);                    // node_options
//
// A node runs the modules that node.services names. Hooks are called on a thread of the module's own, one at a time,
// also before node::start has returned; they may block, and may throw (which is a failure with its words). Not
// promised: that a member that exports something still does when it is asked. docs/MODULES.md has the rules.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <troupe/cache.hpp>
#include <troupe/cluster.hpp>
#include <troupe/config.hpp>
#include <troupe/database.hpp>
#include <troupe/error.hpp>
#include <troupe/module_import.hpp>
#include <troupe/module_settings.hpp>

namespace troupe {

class cluster_actors;

/// Says how a start has ended; only the first call counts, and dropping the last copy without one is a failure. From
/// any thread, from within a hook too.
using module_started = std::function<void(expected<void>)>;

/// What a hook gets of its node. Thread-safe; valid until the module's stop has returned. After the node has stopped
/// (a hook that is left behind) calls answer errc::unavailable.
class module_context {
 public:
  virtual ~module_context() = default;

  [[nodiscard]] virtual const std::string& name() const noexcept = 0;
  /// A copy of the module's block, to be read anew.
  [[nodiscard]] virtual module_settings settings() const = 0;

  /// What the imports were when the hook was called.
  [[nodiscard]] virtual std::vector<found_import> imports() const = 0;
  /// Those that export it; empty when nobody does.
  [[nodiscard]] std::vector<import_source> sources_of(const std::string& import_name) const {
    const auto all = imports();
    const auto* found = find_import(all, import_name);
    return found == nullptr ? std::vector<import_source>() : found->sources;
  }

  /// Variables of an export, e.g. the port that was bound, from now on until the stop. errc::invalid_argument for
  /// what the module does not export and for a bad key, errc::too_large beyond 256 bytes as text.
  virtual expected<void> set_variables(const std::string& export_name, export_variables v) = 0;

  /// In start: it goes on after it has returned, and is done when the returned function is called. Elsewhere the
  /// function does nothing.
  [[nodiscard]] virtual module_started later() = 0;

  // of the node; as the functions of `node` with the same names
  [[nodiscard]] virtual expected<cache> open_cache(const std::string& cache_name = "default") = 0;
  [[nodiscard]] virtual expected<database> open_database(const std::string& namespace_name,
                                                         std::vector<migration> migrations) = 0;
  /// Null when the node has no actors (node_options::actors), or has stopped. It ends with the node.
  [[nodiscard]] virtual cluster_actors* actors() = 0;
  [[nodiscard]] virtual std::shared_ptr<const cluster_view> view() const = 0;
};

struct module {
  /// A small letter, then small letters, digits, _ or -; at most 40. It is exported as it is.
  std::string name;
  std::vector<module_export> exports{};
  std::vector<module_import> imports{};

  /// Reads the block [modules.NAME] of the configuration, key by key; a key that it does not ask for is unknown. Called
  /// once, in node::start on its caller's thread. What it returns, and what it throws, is errc::bad_config. Without it
  /// the block must be empty. Called also where the module does not run.
  std::function<expected<void>(module_settings&)> configure{};

  /// Begins to serve. Without it the module runs as soon as its imports are there.
  std::function<expected<void>(module_context&)> start{};
  /// Undoes start, after one that did well. Others that need what it exports have been stopped by then.
  std::function<void(module_context&)> stop{};
  /// Asked every health_interval while it runs. An error withdraws its exports, so that its dependants stop, until two
  /// in a row have passed; so does one that does not return within health_limit.
  std::function<expected<void>(module_context&)> health{};
  /// The members behind its imports, or their variables, have changed, and all that it requires is still there.
  std::function<void(module_context&)> updated{};

  /// The node is ready only while it runs.
  bool required_for_ready = false;

  duration health_interval = std::chrono::seconds(5);
  duration health_limit = std::chrono::seconds(5);
  duration start_limit = std::chrono::seconds(30);  // then it has failed; what it does later is stopped
  duration stop_limit = std::chrono::seconds(5);    // then nobody waits for it any more
  std::uint32_t restarts_max = 10;  // failed starts in ten minutes, 500 ms to 30 s apart; then only other imports help
};

}  // namespace troupe

// The log of one node: one line an event, "time level component event key=value ...", or one JSON
// object. A node has its own logger; the process-wide spdlog default is never touched.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include <troupe/config.hpp>
#include <troupe/error.hpp>

namespace spdlog {
class logger;
}

namespace troupe {

struct log_field {
  std::string_view key;
  std::string value;

  log_field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  log_field(std::string_view k, std::string_view v) : key(k), value(v) {}
  log_field(std::string_view k, const char* v) : key(k), value(v) {}
  template <std::integral Integer>
  log_field(std::string_view k, Integer v) : key(k), value(std::to_string(v)) {}
};

/// error: someone must act. warn: odd but healed. info: the cluster changed. debug: per packet.
enum class log_level { error, warn, info, debug };

class event_log {
 public:
  using fields = std::initializer_list<log_field>;

  /// errc::storage_failed when log.file cannot be opened.
  [[nodiscard]] static expected<std::shared_ptr<event_log>> open(const log_config& c, const std::string& node_name);

  /// A log that writes nothing, for tests.
  [[nodiscard]] static std::shared_ptr<event_log> none();

  /// Hands each line, as text without time, to whoever listens: of a simulated node.
  using listener = std::function<void(log_level level, const std::string& line)>;
  [[nodiscard]] static std::shared_ptr<event_log> to(listener l);

  void write(log_level level, std::string_view component, std::string_view event, fields f = {});
  void error(std::string_view component, std::string_view event, fields f = {}) {
    write(log_level::error, component, event, f);
  }
  void warn(std::string_view component, std::string_view event, fields f = {}) {
    write(log_level::warn, component, event, f);
  }
  void info(std::string_view component, std::string_view event, fields f = {}) {
    write(log_level::info, component, event, f);
  }
  void debug(std::string_view component, std::string_view event, fields f = {}) {
    write(log_level::debug, component, event, f);
  }

  [[nodiscard]] bool enabled(log_level level) const noexcept;
  void flush();

  event_log(std::shared_ptr<spdlog::logger> logger, bool json, std::string node_name);

 private:
  std::shared_ptr<spdlog::logger> logger_;  // null: nothing is written
  listener listener_;                       // in place of it
  bool json_;
  std::string node_name_;
};

}  // namespace troupe

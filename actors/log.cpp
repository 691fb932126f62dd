#include "actors/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

namespace troupe {

namespace {

spdlog::level::level_enum to_spdlog(log_level level) noexcept {
  switch (level) {
    case log_level::error: return spdlog::level::err;
    case log_level::warn: return spdlog::level::warn;
    case log_level::info: return spdlog::level::info;
    case log_level::debug: return spdlog::level::debug;
  }
  return spdlog::level::info;
}

spdlog::level::level_enum parse_level(std::string_view text) noexcept {
  if (text == "error") return spdlog::level::err;
  if (text == "warn") return spdlog::level::warn;
  if (text == "debug") return spdlog::level::debug;
  return spdlog::level::info;
}

// Escapes for a double-quoted string; control characters as \u00XX, so one event stays one line.
void append_quoted(std::string& line, std::string_view text) {
  static constexpr char hex[] = "0123456789abcdef";
  line.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line.push_back('\\');
      line.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      line.append("\\u00");
      line.push_back(hex[byte >> 4]);
      line.push_back(hex[byte & 15]);
    } else {
      line.push_back(c);
    }
  }
  line.push_back('"');
}

bool needs_quotes(std::string_view text) noexcept {
  if (text.empty()) return true;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

std::string text_line(std::string_view component, std::string_view event, event_log::fields fields) {
  std::string line(component);
  line.append(" ").append(event);
  for (const auto& f : fields) {
    line.append(" ").append(f.key).push_back('=');
    if (needs_quotes(f.value)) {
      append_quoted(line, f.value);
    } else {
      line.append(f.value);
    }
  }
  return line;
}

// The pattern supplies the opening brace with time and level.
std::string json_line(const std::string& node, std::string_view component, std::string_view event,
                      event_log::fields fields) {
  std::string line = "\"node\":";
  append_quoted(line, node);
  line.append(",\"component\":");
  append_quoted(line, component);
  line.append(",\"event\":");
  append_quoted(line, event);
  for (const auto& f : fields) {
    line.push_back(',');
    append_quoted(line, f.key);
    line.push_back(':');
    append_quoted(line, f.value);
  }
  line.push_back('}');
  return line;
}

}  // namespace

expected<std::shared_ptr<event_log>> event_log::open(const log_config& c, const std::string& node_name) {
  spdlog::sink_ptr sink;
  try {
    if (c.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(c.file);
    }
  } catch (const spdlog::spdlog_ex& e) {
    return fail(errc::storage_failed, "log.file " + c.file + ": " + e.what());
  }
  const bool json = c.format == "json";
  auto logger = std::make_shared<spdlog::logger>("troupe." + node_name, std::move(sink));
  logger->set_level(parse_level(c.level));
  logger->flush_on(spdlog::level::info);
  logger->set_error_handler([](const std::string&) {});  // a full disk must not end up on standard error for ever
  logger->set_pattern(json ? R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v)" : "%Y-%m-%dT%H:%M:%S.%eZ %-7l %v",
                      spdlog::pattern_time_type::utc);
  return std::make_shared<event_log>(std::move(logger), json, node_name);
}

std::shared_ptr<event_log> event_log::to(listener l) {
  auto log = none();
  log->listener_ = std::move(l);
  return log;
}

std::shared_ptr<event_log> event_log::none() { return std::make_shared<event_log>(nullptr, false, std::string{}); }

event_log::event_log(std::shared_ptr<spdlog::logger> logger, bool json, std::string node_name)
    : logger_(std::move(logger)), json_(json), node_name_(std::move(node_name)) {}

bool event_log::enabled(log_level level) const noexcept {
  return listener_ || (logger_ && logger_->should_log(to_spdlog(level)));
}

void event_log::write(log_level level, std::string_view component, std::string_view event, fields f) {
  if (!enabled(level)) return;
  if (listener_) return listener_(level, text_line(component, event, f));
  logger_->log(to_spdlog(level), spdlog::string_view_t(json_ ? json_line(node_name_, component, event, f)
                                                             : text_line(component, event, f)));
}

void event_log::flush() {
  if (logger_) logger_->flush();
}

}  // namespace troupe

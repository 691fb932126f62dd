#include "node/event_handlers.hpp"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>

#include "gateways/http/view_json.hpp"

namespace troupe {

namespace {

std::string_view field_of(const event& e, std::string_view name) {
  for (const auto& [key, value] : e.fields) {
    if (key == name) return value;
  }
  return {};
}

std::string variable_of(std::string_view field) {
  std::string name = "TROUPE_EVENT_";
  for (const char c : field) {
    const auto byte = static_cast<unsigned char>(c);
    name.push_back(std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_');
  }
  return name;
}

}  // namespace

event_handlers::event_handlers(const config& c, event_log& log, event_hub& events, cluster_calls& calls)
    : settings_(c),
      log_(log),
      events_(events),
      calls_(calls),
      pool_(c.events.handlers_at_once, c.events.handler_queue_max) {
  for (const auto& text : c.events.handlers) {
    if (auto spec = parse_event_handler(text)) specs_.push_back(std::move(*spec));
  }
}

void event_handlers::start() {
  calls_.on_asked([this](membership::asked_query q) { on_asked(std::move(q)); });
  if (specs_.empty()) return;
  listener_ = events_.listen([this](const std::shared_ptr<const event>& e) { on_event(e); });
}

void event_handlers::stop() {
  calls_.on_asked(nullptr);
  if (const auto id = std::exchange(listener_, 0); id != 0) events_.unlisten(id);
  pool_.stop();
}

void event_handlers::add(query_handler h) {
  const std::lock_guard lock(mutex_);
  query_handlers_.push_back(std::move(h));
}

script event_handlers::script_of(const event_handler_spec& spec) const {
  script s;
  s.path = spec.path;
  s.timeout = settings_.events.handler_timeout;
  s.output_kept_max = membership::answer_bytes_max;
  s.environment = {{"TROUPE_NODE", settings_.node.name}, {"TROUPE_CLUSTER", settings_.cluster.name}};
  return s;
}

void event_handlers::on_event(const std::shared_ptr<const event>& e) {
  const bool user = e->kind == "user_event";
  const auto name = user ? field_of(*e, "name") : std::string_view();
  for (const auto& spec : specs_) {
    if (!spec.handles_event(e->kind, name)) continue;
    (void)pool_.submit([this, e, user, &spec](const std::atomic<bool>& stopping) {
      script s = script_of(spec);
      s.input = user ? std::string(field_of(*e, "payload")) : event_json(*e) + "\n";
      s.environment.emplace_back("TROUPE_EVENT", user ? "user" : e->kind);
      for (const auto& [key, value] : e->fields) {
        if (!user || key != "payload") s.environment.emplace_back(variable_of(key), value);
      }
      if (user) s.environment.emplace_back("TROUPE_LTIME", std::string(field_of(*e, "ltime")));
      (void)run(std::move(s), stopping);
    });
  }
}

void event_handlers::on_asked(membership::asked_query q) {
  const bool taken = pool_.submit([this, q](const std::atomic<bool>& stopping) {
    std::optional<std::string> answer;
    try {
      answer = handle(q, stopping);
    } catch (const std::exception& e) {
      failures_.fetch_add(1, std::memory_order_relaxed);
      log_.warn("handlers", "query_handler_threw", {{"query", q.name}, {"reason", e.what()}});
    }
    calls_.answer(q.id, std::move(answer));
  });
  if (!taken) calls_.answer(q.id, std::nullopt);
}

std::optional<std::string> event_handlers::handle(const membership::asked_query& q, const std::atomic<bool>& stopping) {
  std::vector<query_handler> handlers;
  {
    const std::lock_guard lock(mutex_);
    handlers = query_handlers_;
  }
  for (const auto& h : handlers) {
    if (auto answer = h(q.name, q.payload)) return answer;
  }
  const auto spec =
      std::find_if(specs_.begin(), specs_.end(), [&q](const auto& each) { return each.handles_query(q.name); });
  if (spec == specs_.end()) return std::nullopt;
  script s = script_of(*spec);
  s.input = q.payload;
  s.environment.emplace_back("TROUPE_EVENT", "query");
  s.environment.emplace_back("TROUPE_EVENT_NAME", q.name);
  s.environment.emplace_back("TROUPE_EVENT_ORIGIN", q.asker);
  s.environment.emplace_back("TROUPE_LTIME", std::to_string(q.id.time));
  return run(std::move(s), stopping);
}

/// What it printed; nothing when it failed.
std::optional<std::string> event_handlers::run(script s, const std::atomic<bool>& stopping) {
  runs_.fetch_add(1, std::memory_order_relaxed);
  const auto end = run_script(s, stopping);
  const char* why = !end                    ? "it could not be run"
                    : end->stopped          ? "the node stops"
                    : end->timed_out        ? "it ran longer than events.handler_timeout and was killed"
                    : end->printed_too_much ? "it printed too much and was killed"
                    : end->exit_code != 0   ? "it failed"
                                            : nullptr;
  if (why == nullptr) return end->output;
  failures_.fetch_add(1, std::memory_order_relaxed);
  log_.warn("handlers", "handler_failed",
            {{"path", s.path},
             {"reason", end ? why : describe(end.error())},
             {"exit_code", end ? std::to_string(end->exit_code) : "-"}});
  return std::nullopt;
}

void event_handlers::register_metrics(metrics& m) {
  const auto read = [](const std::atomic<std::uint64_t>& n) {
    return [&n] { return static_cast<double>(n.load(std::memory_order_relaxed)); };
  };
  m.read_counter("troupe_handlers_runs_total", "Scripts that were run for events and queries", {}, read(runs_));
  m.read_counter("troupe_handlers_failures_total", "Handlers that failed, hung, printed too much or were missing", {},
                 read(failures_));
  m.read_counter("troupe_handlers_refused_total", "Events and queries that found the handlers' queue full", {},
                 [this] { return static_cast<double>(pool_.refused()); });
}

}  // namespace troupe

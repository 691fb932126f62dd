#include "actors/net/seed_finder.hpp"

#include <algorithm>
#include <utility>

#include "actors/disk/durable_file.hpp"

namespace troupe {

namespace {

time_point clock_now() { return std::chrono::steady_clock::now(); }

}  // namespace

bool seed_finder::needed(const cluster_config& c) {
  const auto numeric = [](const std::string& text) {
    const auto seed = parse_seed(text);
    return seed && seed->what == seed_spec::kind::address;
  };
  return !c.seeds_file.empty() || c.multicast != "off" || !std::all_of(c.seeds.begin(), c.seeds.end(), numeric);
}

expected<std::unique_ptr<seed_finder>> seed_finder::make(const cluster_config& c, event_log& log) {
  auto resolver = name_resolver::make(c.dns_server);
  if (!resolver) return fail(errc::bad_config, resolver.error().context);
  return std::unique_ptr<seed_finder>(new seed_finder(c, std::move(*resolver), log));
}

seed_finder::seed_finder(const cluster_config& c, std::unique_ptr<name_resolver> resolver, event_log& log)
    : settings_(c), resolver_(std::move(resolver)), log_(log) {}

seed_finder::~seed_finder() { stop(); }

void seed_finder::start(found_callback found) {
  found_ = std::move(found);
  wished_ = true;
  thread_ = std::thread([this] { run(); });
}

void seed_finder::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  resolver_->cancel();
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void seed_finder::wish() {
  const std::lock_guard lock(mutex_);
  wished_ = true;
  wake_.notify_all();
}

void seed_finder::hear(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const bool known = heard_.contains(address);
  if (!known && heard_.size() >= heard_max) return;
  heard_[address] = clock_now();
  if (known) return;
  wished_ = true;
  wake_.notify_all();
}

std::vector<std::string> seed_finder::addresses() const {
  const std::lock_guard lock(mutex_);
  return told_;
}

void seed_finder::run() {
  for (;;) {
    bool wished = false;
    {
      std::unique_lock lock(mutex_);
      const auto pause_over = [&] { return clock_now() >= resolved_ + resolve_pause; };
      wake_.wait_for(lock, look_interval, [&] { return stopping_ || (wished_ && pause_over()); });
      if (stopping_) return;
      if (pause_over()) wished = std::exchange(wished_, false);
    }
    const bool changed = look_at_file();
    if (changed || wished || clock_now() >= resolved_ + refresh_interval) resolve_all();
    forget_silent(clock_now());
    tell(wished);
  }
}

// By its bytes, not by its time: a file that is replaced within a tick of the clock counts too.
bool seed_finder::look_at_file() {
  if (settings_.seeds_file.empty()) return false;
  auto text = read_whole(settings_.seeds_file, seeds_in_file::bytes_max);
  if (!text) {
    const auto fault = describe(text.error());
    if (fault != file_fault_) log_.warn("cluster", "seeds_file_unreadable", {{"reason", fault}});
    file_fault_ = fault;
    return false;
  }
  file_fault_.clear();
  if (file_read_ && *text == file_text_) return false;
  const auto parsed = parse_seeds(*text);
  for (const auto& bad : parsed.bad) {
    log_.warn("cluster", "seeds_file_bad_line",
              {{"file", settings_.seeds_file}, {"line", bad.number}, {"reason", bad.reason}});
  }
  file_read_ = true;
  file_text_ = std::move(*text);
  file_seeds_ = parsed.seeds;
  log_.info("cluster", "seeds_file_read", {{"file", settings_.seeds_file}, {"seeds", file_seeds_.size()}});
  return true;
}

void seed_finder::resolve_all() {
  std::map<std::string, source> next;
  for (const std::vector<std::string>* list : {&settings_.seeds, &std::as_const(file_seeds_)}) {
    for (const auto& text : *list) {
      const auto seed = parse_seed(text);
      if (!seed || next.contains(text)) continue;
      auto& s = next.emplace(text, std::move(sources_[text])).first->second;
      if (!resolve(*seed, s)) return;  // cancelled: the thread ends
    }
  }
  sources_ = std::move(next);
  const std::lock_guard lock(mutex_);
  resolved_ = clock_now();
}

bool seed_finder::resolve(const seed_spec& seed, source& s) {
  auto found = ask(seed);
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
  }
  if (found) {
    s = {std::move(*found), true, {}};
    return true;
  }
  if (s.fault != found.error().context) {
    log_.warn("cluster", "seed_unresolved", {{"reason", found.error().context}, {"kept", s.addresses.size()}});
  }
  s.fault = found.error().context;
  return true;
}

expected<std::vector<std::string>> seed_finder::ask(const seed_spec& seed) {
  if (seed.what == seed_spec::kind::address) return std::vector<std::string>{address_text(seed.host, seed.port)};
  std::vector<name_resolver::service> hosts{{seed.host, seed.port}};
  if (seed.what == seed_spec::kind::service) {
    auto services = resolver_->services_of(seed.host);
    if (!services) return tl::unexpected(std::move(services.error()));
    hosts = std::move(*services);
  }
  std::vector<std::string> all;
  error last;
  for (const auto& h : hosts) {
    const auto found = resolver_->addresses_of(h.host);
    if (!found) last = found.error();
    for (const auto& ip : found.value_or(std::vector<std::string>{})) all.push_back(address_text(ip, h.port));
  }
  if (all.empty()) return tl::unexpected(std::move(last));
  return all;
}

void seed_finder::forget_silent(time_point now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(heard_, [now](const auto& row) { return row.second + heard_kept < now; });
}

void seed_finder::tell(bool always) {
  bool complete = (settings_.seeds_file.empty() || file_read_) && settings_.multicast == "off";
  std::vector<std::string> all;
  for (const auto& [text, s] : sources_) {
    all.insert(all.end(), s.addresses.begin(), s.addresses.end());
    complete = complete && s.answered;
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [address, when] : heard_) all.push_back(address);
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (all.size() > addresses_max) all.resize(addresses_max);
    const bool same = told_once_ && all == told_ && complete == told_complete_;
    if (stopping_ || (same && !always)) return;
    told_ = all;
  }
  told_once_ = true;
  told_complete_ = complete;
  found_(std::move(all), complete);
}

}  // namespace troupe

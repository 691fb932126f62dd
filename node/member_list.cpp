// Membership alone: the sockets, the seeds and the machine's runner on one I/O thread.
#include <troupe/member_list.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

#include <troupe/version.hpp>

#include "actors/cluster/roster_runner.hpp"
#include "actors/handlers/handler_pool.hpp"
#include "actors/net/drop_log.hpp"
#include "actors/wall_clock.hpp"
#include "node/await.hpp"
#include "node/cluster_sockets.hpp"
#include "node/countdown.hpp"
#include "node/discovery.hpp"
#include "node/entropy.hpp"
#include "node/module_parts.hpp"

namespace troupe {

namespace {

constexpr const char* module_name = "members";
constexpr duration close_max = std::chrono::milliseconds(1500);
constexpr std::size_t handlers_waiting_max = 256;

config settings_of(const member_list_options& o) {
  config c;
  c.node.name = o.name;
  c.node.tags = o.tags;
  c.node.io_threads = 1;
  c.cluster.name = o.cluster;
  c.cluster.bind = o.bind;
  c.cluster.advertise = o.advertise;
  c.cluster.seeds = o.seeds;
  c.cluster.secret_file = o.secret_file;
  c.cluster.insecure = o.insecure || !o.secret.empty();
  c.gossip.profile = o.profile;
  set_log_level(c, o.log_level);
  return c;
}

expected<std::string> secret_of(const member_list_options& o) {
  if (o.secret.empty()) return read_cluster_secret(o.secret_file);
  if (!o.secret_file.empty())
    return fail(errc::bad_config, "secret: is of no use beside secret_file: give one of them");
  if (o.secret.find_first_not_of(" \t\r\n") == std::string::npos)
    return fail(errc::bad_config, "secret: is nothing but white space");
  return o.secret.substr(0, o.secret.find_last_not_of(" \t\r\n") + 1);  // as of a file
}

}  // namespace

class member_list::runner {
 public:
  [[nodiscard]] static expected<std::unique_ptr<runner>> start(const member_list_options& o);
  ~runner() { stop(); }

  expected<void> leave(duration limit);
  void stop();

  [[nodiscard]] roster_runner& members() const noexcept { return *members_; }
  [[nodiscard]] std::shared_ptr<const cluster_view> view() const { return board_.read(); }
  [[nodiscard]] const cluster_board& board() const noexcept { return board_; }
  [[nodiscard]] event_hub& events() noexcept { return events_; }
  [[nodiscard]] const troupe::metrics& numbers() const noexcept { return numbers_; }
  [[nodiscard]] const peer_identity& self() const noexcept { return self_; }
  void add(query_handler h);

 private:
  runner(config c, std::shared_ptr<event_log> log)
      : settings_(std::move(c)), log_(std::move(log)), discovery_(settings_.cluster, io_, *log_), drops_(*log_) {}

  [[nodiscard]] expected<void> open(const std::string& secret);
  [[nodiscard]] expected<membership::roster> make_machine() const;
  [[nodiscard]] expected<void> start_parts();
  void on_asked(membership::asked_query q);

  const config settings_;
  const std::shared_ptr<event_log> log_;
  const entropy drawn_ = entropy::draw();
  event_hub events_;
  cluster_board board_;
  io_pool io_{1};
  troupe::metrics numbers_;
  cluster_sockets sockets_;
  std::shared_ptr<ring_keeper> ring_;  // null without a secret
  discovery discovery_;
  drop_log drops_;  // of the I/O thread
  peer_identity self_;
  std::unique_ptr<roster_runner> members_;
  std::mutex handlers_mutex_;
  std::vector<query_handler> handlers_;
  handler_pool asked_{1, handlers_waiting_max};
  std::mutex stop_mutex_;
  bool stopped_ = false;
};

expected<std::unique_ptr<member_list::runner>> member_list::runner::start(const member_list_options& o) {
  auto c = settings_of(o);
  if (auto sound = check_module(c, module_name); !sound) return tl::unexpected(std::move(sound.error()));
  auto secret = secret_of(o);
  if (!secret) return tl::unexpected(std::move(secret.error()));
  c.node.services.clear();  // it is none of a node's, and nobody asks for it
  c.cluster.name = module_cluster(module_name, o.cluster);
  auto log = open_module_log(c, o.log_level);
  if (!log) return tl::unexpected(std::move(log.error()));
  std::unique_ptr<runner> r(new runner(std::move(c), std::move(*log)));
  if (auto opened = r->open(*secret); !opened) return tl::unexpected(std::move(opened.error()));
  if (auto started = r->start_parts(); !started) return tl::unexpected(std::move(started.error()));
  return r;
}

expected<void> member_list::runner::open(const std::string& secret) {
  if (!secret.empty()) ring_ = ring_keeper::in_memory(settings_.cluster.name, secret);
  auto bound = cluster_sockets::bind(settings_, io_, *log_, ring_, nullptr);
  if (!bound) return tl::unexpected(std::move(bound.error()));
  sockets_ = std::move(*bound);
  self_ = {settings_.node.name, drawn_.id, advertised_address(settings_.cluster.advertise, sockets_.bound)};
  return discovery_.open(self_, sockets_.bound, ring_ ? ring_->seal() : nullptr);
}

expected<membership::roster> member_list::runner::make_machine() const {
  membership::local_member m;
  m.cluster = settings_.cluster.name;
  m.name = self_.name;
  m.address = self_.address;
  m.id = self_.id;
  m.first_incarnation = first_incarnation_now();
  m.told.tags = settings_.node.tags;
  const auto gossip = membership::settings_of(settings_.gossip);
  if (!gossip) return tl::unexpected(gossip.error());
  return membership::roster::make(m, *gossip, TROUPE_VERSION_STRING, random(drawn_.machine_seed));
}

expected<void> member_list::runner::start_parts() {
  auto machine = make_machine();
  if (!machine) return fail(errc::bad_config, std::move(machine.error().context));
  members_ = std::make_unique<roster_runner>(
      std::move(*machine), roster_runner::surroundings{io_.context(0), *sockets_.gossip, *sockets_.link, events_,
                                                       board_, *log_, [this] { discovery_.wish(); },
                                                       [this](membership::asked_query q) { on_asked(std::move(q)); }});
  if (auto begun = members_->start(discovery_.fixed_seeds(), discovery_.may_find_more()); !begun) return begun;
  sockets_.link->start(self_);
  sockets_.gossip->start(
      [this](const std::string& from, const std::string& bytes) { members_->on_datagram(from, bytes); },
      [this](const std::string& from, packet_drop why) {
        (void)drops_.note(from, why, std::chrono::steady_clock::now());
      });
  discovery_.start(events_, sockets_.link, [this](std::vector<std::string> addresses, bool complete) {
    members_->on_seeds(std::move(addresses), complete);
  });
  members_->register_metrics(numbers_);
  register_link_metrics(numbers_, sockets_.link->numbers());
  register_metrics(numbers_, *sockets_.gossip);
  io_.start();
  if (board_.wait([](const cluster_view& v) { return !v.members.empty(); }, call_max)) return {};
  return fail(errc::unavailable, "the member did not begin in time");
}

void member_list::runner::add(query_handler h) {
  const std::lock_guard lock(handlers_mutex_);
  handlers_.push_back(std::move(h));
}

void member_list::runner::on_asked(membership::asked_query q) {
  const auto task = [this, q](const std::atomic<bool>&) {
    std::vector<query_handler> handlers;
    {
      const std::lock_guard lock(handlers_mutex_);
      handlers = handlers_;
    }
    std::optional<std::string> answer;
    for (auto h = handlers.begin(); h != handlers.end() && !answer; ++h) {
      try {
        answer = (*h)(q.name, q.payload);
      } catch (const std::exception& e) {
        log_->warn("members", "query_handler_threw", {{"query", q.name}, {"reason", e.what()}});
      }
    }
    members_->answer(q.id, std::move(answer));
  };
  bool none = false;
  {
    const std::lock_guard lock(handlers_mutex_);
    none = handlers_.empty();
  }
  if (none || !asked_.submit(task)) members_->answer(q.id, std::nullopt);
}

expected<void> member_list::runner::leave(duration limit) {
  auto left = await<void>([&](auto done) { members_->leave(std::move(done)); }, std::max(limit, duration::zero()));
  const bool late = !left && left.error().code == errc::deadline_exceeded;
  stop();
  if (late) return fail(errc::deadline_exceeded, "the departure did not reach the other members in time");
  return {};
}

void member_list::runner::stop() {
  const std::lock_guard lock(stop_mutex_);
  if (std::exchange(stopped_, true)) return;
  asked_.stop();
  const auto closed = std::make_shared<countdown>(2);
  if (members_) {
    members_->close([closed] { closed->arrive(); });
    discovery_.close();
    sockets_.gossip->close();
    sockets_.link->close([closed] { closed->arrive(); });
    (void)closed->wait(close_max);
  }
  io_.stop();
  log_->flush();
}

expected<member_list> member_list::start(member_list_options options) {
  auto r = runner::start(options);
  if (!r) return tl::unexpected(std::move(r.error()));
  return member_list(std::move(*r));
}

member_list::member_list(std::unique_ptr<runner> r) : runner_(std::move(r)) {}
member_list::member_list(member_list&&) noexcept = default;
member_list& member_list::operator=(member_list&&) noexcept = default;
member_list::~member_list() = default;

const std::string& member_list::name() const { return runner_->self().name; }
const std::string& member_list::address() const { return runner_->self().address; }
std::vector<member> member_list::members() const { return runner_->view()->members; }
bool member_list::joined() const { return runner_->view()->ready; }

std::optional<member> member_list::find(const std::string& name) const {
  const auto view = runner_->view();
  const auto at =
      std::find_if(view->members.begin(), view->members.end(), [&](const auto& m) { return m.name == name; });
  return at == view->members.end() ? std::nullopt : std::optional(*at);
}

bool member_list::wait_until(const std::function<bool(const std::vector<member>&)>& holds, duration deadline) const {
  return runner_->board().wait([&holds](const cluster_view& v) { return holds(v.members); }, deadline);
}

void member_list::on_event(event_callback f) {
  runner_->events().listen([f = std::move(f)](const std::shared_ptr<const event>& e) { f(*e); });
}

expected<member_list::tag_map> member_list::change_tags(tag_map set, std::vector<std::string> erase) {
  return await<tag_map>([&](auto done) {
    runner_->members().change_tags({std::move(set), std::move(erase)}, std::move(done));
  });
}

expected<std::uint64_t> member_list::raise_event(std::string name, std::string payload) {
  return await<std::uint64_t>(
      [&](auto done) { runner_->members().raise_event(std::move(name), std::move(payload), std::move(done)); });
}

expected<query_result> member_list::ask(query q) {
  const duration limit = std::clamp(q.timeout, duration::zero(), membership::query_timeout_max) + call_max;
  return await<query_result>([&](auto done) { runner_->members().ask(std::move(q), std::move(done)); }, limit);
}

void member_list::on_query(query_handler h) { runner_->add(std::move(h)); }

expected<duration> member_list::round_trip(std::string a, std::string b) const {
  return await<duration>(
      [&](auto done) { runner_->members().round_trip(std::move(a), std::move(b), std::move(done)); });
}

expected<void> member_list::force_leave(std::string name) {
  return await<void>([&](auto done) { runner_->members().force_leave(std::move(name), std::move(done)); });
}

std::string member_list::metrics() const { return runner_->numbers().expose(); }
expected<void> member_list::leave(duration limit) { return runner_->leave(limit); }
void member_list::stop() { runner_->stop(); }

}  // namespace troupe

// What a node makes on its databases: the driver, backed caches, journals, the rows of entities.
#include <algorithm>

#include "actors/persistence/journal_core.hpp"
#include "gateways/db/postgres_driver.hpp"
#include "gateways/db/sqlite_driver.hpp"
#include "node/entity_model_file.hpp"
#include "node/runner.hpp"
#include "runtime/services/steward.hpp"

namespace troupe {

expected<std::shared_ptr<database_driver>> node::runner::make_driver() {
  if (settings_.db.type == "sqlite") return std::make_shared<sqlite_driver>(sqlite_driver::settings_of(settings_));
  auto driver = postgres_driver::make(settings_.db, io_, drawn_.machine_seed + 2);
  if (!driver) return tl::unexpected(std::move(driver.error()));
  return std::shared_ptr<database_driver>(std::move(*driver));
}

expected<void> node::runner::open_databases() {
  if (!settings_.has_service("db")) return {};
  auto driver = make_driver();
  if (!driver) return tl::unexpected(std::move(driver.error()));
  const auto show = [this](const database_status& s) {
    status_.change_conditions([&](local_conditions& here) { here.database_fault = s.ok ? "" : s.reason; });
    const auto state = s.ok ? service_state::running : s.waits ? service_state::starting : service_state::degraded;
    status_.set_service("db", state, s.reason);
  };
  const auto note = [this](const std::string& text) {
    status_.change_conditions([&](local_conditions& here) { here.database_note = text; });
  };
  const auto right = [this]() -> std::optional<fenced> {
    const auto& lease = cluster_.calls().lease();
    const auto term = lease->term();
    if (!term) return steward_right(*board_.read());
    return fenced(*term, drawn_.id, lease);
  };
  database_ = std::make_unique<database_service>(
      std::move(*driver), settings_.db,
      database_service::surroundings{*log_, events_, numbers_, io_.next(), show, right, note});
  std::vector<backed_cache> backed;
  const auto& caches = catalogue_.all();
  for (std::size_t i = 0; i < caches.size(); ++i) {
    if (caches[i].settings.backed) backed.push_back({static_cast<cache_id>(i), caches[i].name});
  }
  const auto store = database_->back_caches(committed_, backed);
  if (!store) return tl::unexpected(store.error());
  router_->set_backing(*store);
  if (auto opened = open_entities(); !opened) return opened;
  database_->start();
  return {};
}

expected<journal> node::runner::open_journal(const std::string& name, std::vector<migration> migrations,
                                             const journal_options& o) {
  auto db = open_database(name, std::move(migrations));
  if (!db) return tl::unexpected(std::move(db.error()));
  auto core = journal_core::open(std::move(*db), o, journal_core::surroundings{log_, &numbers_});
  if (!core) return tl::unexpected(std::move(core.error()));
  return journal(std::move(*core));
}

expected<void> node::runner::open_entities() {
  if (!settings_.has_service("entities")) return {};
  auto file = read_entity_model(settings_.entities.model);
  if (!file) return tl::unexpected(std::move(file.error()));
  for (const auto& warning : file->warnings) log_->warn("entities", "model_warning", {{"at", warning}});
  if (const auto faults = faults_of_switches(file->model, settings_.entities); !faults.empty()) {
    std::string all;
    for (const auto& fault : faults) all.append(all.empty() ? "" : "\n").append(fault);
    return fail(errc::bad_config, std::move(all));
  }
  auto opened = entity_service::open(std::move(file->model), *database_, extensions_, settings_.entities, *log_);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  entities_ = std::move(*opened);
  if (auto switched = switch_entities(); !switched) return switched;
  const auto cache = catalogue_.find(row_cache::name);
  if (!cache) return fail(errc::bad_config, "caches: too many are declared for the rows of entities");
  const auto without_data = [this] {
    const auto view = board_.read();
    const auto holds = [](const member& m) {
      return std::find(m.services.begin(), m.services.end(), "cache") != m.services.end();
    };
    return view->ready && std::none_of(view->members.begin(), view->members.end(), holds);
  };
  rows_ = std::make_unique<row_cache>(*router_, *cache, without_data);
  if (auto used = entities_->use(*rows_); !used) return used;
  if (settings_.entities.cache_ttl <= duration::zero()) return {};
  const auto load = [service = entities_.get()](const std::string& key, time_point deadline, load_callback done) {
    service->load(key, deadline, [done = std::move(done)](expected<std::optional<std::string>> row) {
      if (!row) return done(tl::unexpected(std::move(row.error())));
      if (!*row) return done(std::nullopt);
      done(loaded_value{std::move(**row)});
    });
  };
  return loaders_->set(row_cache::name, load,
                       {.threads = 1, .running_max = 1024, .deadline = settings_.entities.deadline});
}

link_table* node::runner::link() noexcept {
  return settings_.kvs.type == "local_standalone" ? nullptr : &cluster_.link();
}

// Which of them are served here, and what other members ask for.
expected<void> node::runner::switch_entities() {
  const auto& model = entities_->model();
  auto duty = entity_duty::of(model, settings_.entities.on, settings_.entities.off);
  cluster_.tell_services(duty.marks(), [](const expected<void>&) {});
  const auto tell = [this](const std::vector<std::string>& marks, entity_switches::done_callback done) {
    cluster_.tell_services(marks, std::move(done));
  };
  const auto show = [this](const std::string& path, bool on) {
    status_.set_service(entity_service_name(path), on ? service_state::running : service_state::stopped);
  };
  entities_->use(std::make_shared<entity_switches>(model, std::move(duty), tell, show));
  if (link() == nullptr) return {};
  auto served = serve_entity_requests(*link(), *entities_, settings_.http);
  if (!served) return tl::unexpected(std::move(served.error()));
  entities_served_ = std::move(*served);
  return {};
}

}  // namespace troupe

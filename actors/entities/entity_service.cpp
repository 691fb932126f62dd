#include "actors/entities/entity_service.hpp"

#include <algorithm>

#include "actors/entities/schema_keeper.hpp"
#include "runtime/entities/fields.hpp"
#include "runtime/entities/schema_plan.hpp"
#include "runtime/entities/statements.hpp"

namespace troupe {
namespace {

// What is left until a point of time.
sql_options until(time_point deadline) {
  sql_options o;
  o.deadline = std::max(duration::zero(), deadline - time_point(std::chrono::steady_clock::now()));
  return o;
}

tl::unexpected<row_refusal> no_such_row() { return refuse(errc::not_found, "there is no such row"); }

// For the cache to hear of a write whose time is over.
constexpr duration forget_margin = std::chrono::milliseconds(250);

row_refusal from_extension(const error& why) { return {why.code, why.context}; }

}  // namespace

entity_service::entity_service(std::shared_ptr<const entity_model> model, database db, const entities_config& settings)
    : model_(std::move(model)), db_(std::move(db)), settings_(settings) {}

expected<std::shared_ptr<entity_service>> entity_service::open(entity_model model, database_service& databases,
                                                               const entity_extensions& extensions,
                                                               const entities_config& settings, event_log& log) {
  const auto kept = std::make_shared<const entity_model>(std::move(model));
  const auto evolve = [kept, dialect = databases.pool().dialect(), notices = settings.notify, &log](
                          database_session& session, const std::optional<fenced>& right) {
    return keep_schema({*kept, dialect, notices}, session, right, log);
  };
  auto db = databases.open(std::string(name_space), entity_migrations(), evolve);
  if (!db) return tl::unexpected(std::move(db.error()));
  auto service = std::make_shared<entity_service>(kept, std::move(*db), settings);
  if (auto prepared = service->prepare(extensions); !prepared) return tl::unexpected(std::move(prepared.error()));
  return service;
}

expected<void> entity_service::prepare(const entity_extensions& extensions) {
  for (const auto& [type_name, unused] : extensions) {
    const bool there = std::any_of(model_->entities.begin(), model_->entities.end(),
                                   [&n = type_name](const entity_spec& e) { return e.type_name == n; });
    if (!there) return fail(errc::bad_config, "entities: an extension of " + type_name + ", which the model lacks");
  }
  for (const auto& e : model_->entities) {
    known_entity k;
    if (const auto found = extensions.find(e.type_name); found != extensions.end()) k.extension = found->second;
    std::vector<std::string> columns;
    for (const auto& p : e.properties) {
      if (p.stored) columns.push_back(p.field);
    }
    const std::pair<sql_statement*, std::pair<std::string, std::string>> all[] = {
        {&k.read, {"read_", select_row(e)}},
        {&k.version, {"version_", select_version(e)}},
        {&k.insert, {"insert_", insert_row(e)}},
        {&k.replace, {"replace_", update_row(e, columns, false)}},
        {&k.replace_of_version, {"replace_version_", update_row(e, columns, true)}},
        {&k.erase, {"delete_", delete_row(e, false)}},
        {&k.erase_of_version, {"delete_version_", delete_row(e, true)}}};
    for (const auto& [to, named] : all) {
      auto s = db_.prepare(named.first + e.table, named.second);
      if (!s) return fail(errc::bad_config, "entities: " + e.type_name + ": " + s.error().context);
      *to = std::move(*s);
    }
    known_.push_back(std::move(k));
  }
  return {};
}

const entity_service::known_entity& entity_service::known(const entity_spec& e) const {
  return known_[static_cast<std::size_t>(&e - model_->entities.data())];
}

// The way of what a client sent to what may be written.
answered<> entity_service::admit(const entity_spec& e, const entity_call& call, entity_fields& fields,
                                 std::string_view place) const {
  const auto& extension = known(e).extension;
  if (extension.before_validation) {
    if (auto good = extension.before_validation(call, fields); !good)
      return tl::unexpected(from_extension(good.error()));
  }
  std::vector<std::string> faults;
  check_fields(e, call.operation, fields, place, faults);
  if (faults.empty() && extension.before_write) {
    if (auto good = extension.before_write(call, fields); !good) return tl::unexpected(from_extension(good.error()));
    check_fields(e, call.operation, fields, place, faults);
  }
  if (!faults.empty()) return refuse(errc::invalid_argument, "some fields are at fault", std::move(faults));
  return {};
}

row_answer entity_service::shown(const entity_spec& e, entity_operation operation, entity_row row) const {
  const auto& extension = known(e).extension;
  if (extension.after_read) extension.after_read({e.type_name, operation, row.id}, row.fields);
  row_answer a{row.id, row.version, {}};
  append_row(e, row, a.json);
  return a;
}

answered<row_answer> entity_service::answer_of(const entity_spec& e, entity_operation operation,
                                               const sql_row& values) const {
  auto row = read_row(e, values);
  if (!row) return tl::unexpected(refusal_of(e, entity_write::store, row.error()));
  return shown(e, operation, std::move(*row));
}

void entity_service::create(const entity_spec& e, std::string_view body, time_point deadline, rows_callback done) {
  auto sent = read_fields(e, body, settings_.bulk_max);
  if (!sent) return done(tl::unexpected(std::move(sent.error())));
  std::vector<sql_call> calls;
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < sent->rows.size(); ++i) {
    const auto place = sent->many ? "[" + std::to_string(i) + "]." : "";
    auto& fields = sent->rows[i];
    if (auto good = admit(e, {e.type_name, entity_operation::create, 0}, fields, place); !good) {
      if (good.error().errors.empty()) return done(tl::unexpected(std::move(good.error())));
      faults.insert(faults.end(), good.error().errors.begin(), good.error().errors.end());
      if (faults.size() >= field_faults_max) break;
      continue;
    }
    calls.push_back({known(e).insert, stored_values(e, fields)});
  }
  if (!faults.empty()) {
    faults.resize(std::min(faults.size(), field_faults_max));
    return done(refuse(errc::invalid_argument, "some fields are at fault", std::move(faults)));
  }
  const auto finish = [self = shared_from_this(), &e, many = sent->many,
                       done = std::move(done)](expected<std::vector<sql_result>> r) {
    if (!r) return done(tl::unexpected(refusal_of(e, entity_write::store, r.error())));
    rows_answer answer{many, {}};
    for (const auto& one : *r) {
      auto row = one.empty() ? answered<row_answer>(refuse(errc::corrupt, "a row that was written did not come back"))
                             : self->answer_of(e, entity_operation::create, one.rows.front());
      if (!row) return done(tl::unexpected(std::move(row.error())));
      answer.rows.push_back(std::move(*row));
    }
    done(std::move(answer));
  };
  if (calls.size() > 1) return db_.run_all(std::move(calls), finish, until(deadline));
  auto call = std::move(calls.front());
  db_.execute(
      call.statement, std::move(call.values),
      [finish](expected<sql_result> r) {
        if (!r) return finish(tl::unexpected(std::move(r.error())));
        std::vector<sql_result> one;
        one.push_back(std::move(*r));
        finish(std::move(one));
      },
      until(deadline));
}

expected<void> entity_service::use(row_cache& cache) {
  cache_ = &cache;
  if (!settings_.notify) return {};
  auto heard = db_.listen(std::string(row_notices_channel), [&cache](const notification& n) {
    const auto now = time_point(std::chrono::steady_clock::now());
    if (n.gap || n.payload.ends_with('/')) return cache.on_gap(now);
    cache.on_change(n.payload, now);
  });
  if (!heard) return tl::unexpected(std::move(heard.error()));
  notices_ = std::move(*heard);
  return {};
}

void entity_service::turn(const std::string& path, bool on, std::function<void(expected<void>)> done) {
  if (switches_ == nullptr) return done(fail(errc::unavailable, "this node has no switches of entities"));
  switches_->turn(path, on, std::move(done));
}

bool entity_service::is_cached(const entity_spec& e) const {
  return cache_ != nullptr && settings_.cache_ttl > duration::zero() && !known(e).extension.after_read;
}

bool entity_service::read_now(const entity_spec& e, std::int64_t id, time_point now,
                              function_ref<void(const cached_row&)> visit) {
  return is_cached(e) && cache_->read_now(text_of({e.path, id}), now, visit);
}

// What the cache does not give, the database knows: also that there is no such row, or that the shard's node cannot
// load it.
void entity_service::read(const entity_spec& e, std::int64_t id, time_point deadline, row_callback done) {
  if (!is_cached(e)) return read_row_of(e, id, deadline, std::move(done));
  cache_->read(text_of({e.path, id}), std::chrono::steady_clock::now(), deadline,
               [self = shared_from_this(), &e, id, deadline, done = std::move(done)](std::optional<cached_row> row) {
                 if (!row) return self->read_row_of(e, id, deadline, done);
                 row->text.remove_suffix(1);
                 done(row_answer{id, row->version, std::string(row->text)});
               });
}

void entity_service::load(std::string_view key, time_point deadline, packed_callback done) {
  const auto named = read_cached_row_key(key);
  const auto* e = named ? model_->find(named->entity) : nullptr;
  if (e == nullptr) return done(std::nullopt);  // of a model that is newer than ours
  read_row_of(*e, named->id, deadline, [done = std::move(done)](answered<row_answer> row) {
    if (row) return done(pack_cached_row(row->version, row->json));
    if (row.error().code == errc::not_found) return done(std::nullopt);
    done(fail(row.error().code, row.error().detail));
  });
}

// After its change is committed, or may be: nobody is told of it before. Also of what is not kept here: another node
// may have another entities.cache_ttl, or other extensions.
void entity_service::forget(const entity_spec& e, std::int64_t id, time_point deadline, erased_callback done) {
  if (cache_ == nullptr) return done({});
  cache_->forget(text_of({e.path, id}), deadline, [done = std::move(done)](bool sure) {
    if (sure) return done({});
    done(refuse(errc::outcome_unknown,
                "it is written, but the old row may be given for up to entities.cache_ttl: its cache does not answer"));
  });
}

void entity_service::read_row_of(const entity_spec& e, std::int64_t id, time_point deadline, row_callback done) {
  db_.query(
      known(e).read, {id},
      [self = shared_from_this(), &e, done = std::move(done)](expected<sql_result> r) {
        if (!r) return done(tl::unexpected(refusal_of(e, entity_write::store, r.error())));
        if (r->empty()) return done(no_such_row());
        done(self->answer_of(e, entity_operation::read, r->rows.front()));
      },
      until(deadline));
}

// Why a write changed no row: it is not there, or its version is another.
void entity_service::explain_none(const entity_spec& e, std::int64_t id, bool ruled, time_point deadline,
                                  erased_callback done) {
  if (!ruled) return done(no_such_row());
  db_.query(
      known(e).version, {id},
      [self = shared_from_this(), &e, done = std::move(done)](expected<sql_result> r) {
        if (!r) return done(tl::unexpected(refusal_of(e, entity_write::store, r.error())));
        if (r->empty()) return done(no_such_row());
        done(refuse(errc::condition_failed, "the row has another version"));
      },
      until(deadline));
}

void entity_service::write(const entity_spec& e, const change& c, std::string_view body, time_point deadline,
                           row_callback done) {
  auto fields = read_fields_of(e, body, c.id);
  if (!fields) return done(tl::unexpected(std::move(fields.error())));
  if (auto good = admit(e, {e.type_name, c.operation, c.id}, *fields, {}); !good)
    return done(tl::unexpected(std::move(good.error())));
  const auto explain = [self = shared_from_this(), &e, c, deadline](const row_callback& then) {
    self->explain_none(e, c.id, c.rule.version || c.rule.absent, deadline,
                       [then](const answered<>& why) { then(tl::unexpected(why.error())); });
  };
  if (c.rule.absent) return explain(done);
  const bool ruled = c.rule.version.has_value();
  auto statement = ruled ? known(e).replace_of_version : known(e).replace;
  if (c.operation == entity_operation::patch) {
    const auto text = update_row(e, stored_columns(e, *fields), ruled);
    auto parsed = sql_statement::parse("patch_" + e.table, text, db_.dialect(), 0);
    if (!parsed) return done(tl::unexpected(refusal_of(e, entity_write::store, parsed.error())));
    statement = std::move(*parsed);
  }
  auto values = stored_values(e, *fields);
  values.emplace_back(c.id);
  if (ruled) values.emplace_back(*c.rule.version);
  db_.execute(
      statement, std::move(values),
      [self = shared_from_this(), &e, c, explain, deadline, done = std::move(done)](expected<sql_result> r) {
        if (r && r->empty()) return explain(done);
        auto answer = r ? self->answer_of(e, c.operation, r->rows.front())
                        : answered<row_answer>(tl::unexpected(refusal_of(e, entity_write::store, r.error())));
        if (!r && r.error().code != errc::outcome_unknown) return done(std::move(answer));
        self->forget(e, c.id, deadline + forget_margin, [answer = std::move(answer), done](const answered<>& sure) {
          done(sure || !answer ? answer : answered<row_answer>(tl::unexpected(sure.error())));
        });
      },
      until(deadline));
}

void entity_service::erase(const entity_spec& e, std::int64_t id, const version_rule& rule, time_point deadline,
                           erased_callback done) {
  if (rule.absent) return explain_none(e, id, true, deadline, std::move(done));
  sql_row values{id};
  if (rule.version) values.emplace_back(*rule.version);
  const auto& statement = rule.version ? known(e).erase_of_version : known(e).erase;
  db_.execute(
      statement, std::move(values),
      [self = shared_from_this(), &e, id, ruled = rule.version.has_value(), deadline,
       done = std::move(done)](expected<sql_result> r) {
        if (r && r->changed == 0) return self->explain_none(e, id, ruled, deadline, done);
        auto answer = r ? answered<>() : answered<>(tl::unexpected(refusal_of(e, entity_write::erase, r.error())));
        if (!r && r.error().code != errc::outcome_unknown) return done(answer);
        self->forget(e, id, deadline + forget_margin,
                     [answer, done](const answered<>& sure) { done(answer ? sure : answer); });
      },
      until(deadline));
}

}  // namespace troupe

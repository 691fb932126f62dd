#include "actors/entities/schema_keeper.hpp"

#include "runtime/entities/schema_plan.hpp"

namespace troupe {
namespace {

expected<schema_plan> look(const wanted_schema& wanted, database_session& session) {
  const auto rows = session.run("select item, shape from troupe_entities order by item", {});
  if (!rows) return tl::unexpected(rows.error());
  std::vector<schema_item> present;
  for (std::size_t i = 0; i < rows->size(); ++i) {
    auto item = rows->get<std::string>(i, 0);
    auto shape = rows->get<std::string>(i, 1);
    if (!item || !shape) return fail(errc::corrupt, "a row of troupe_entities has the wrong types");
    present.push_back({std::move(*item), std::move(*shape)});
  }
  return plan_schema(wanted.model, wanted.dialect, present, wanted.notices);
}

// What the database refuses is the model's fault, or that of rows that break a new rule.
error told(const schema_step& step, const error& why) {
  const bool passing = why.code == errc::unavailable || why.code == errc::storage_failed || why.code == errc::corrupt ||
                       why.code == errc::out_of_memory || why.code == errc::stale_term;
  if (passing) return why;
  if (why.code == errc::conflict || why.code == errc::deadline_exceeded) return {errc::unavailable, why.context};
  return {errc::bad_config, "entities: " + step.what + ": " + why.context};
}

expected<void> carry_out(const schema_plan& plan, database_session& session) {
  for (const auto& step : plan.steps) {
    if (auto done = session.run_script(step.statement); !done) return tl::unexpected(told(step, done.error()));
  }
  for (const auto& item : plan.added) {
    auto noted = session.run("insert into troupe_entities(item, shape) values(?1, ?2)", {item.item, item.shape});
    if (!noted) return tl::unexpected(noted.error());
  }
  return {};
}

}  // namespace

const std::vector<migration>& entity_migrations() {
  static const std::vector<migration> all{
      {1, "entities", "create table troupe_entities(item text primary key, shape text not null)"}};
  return all;
}

// Looks again once nobody else can change anything: another node may have been faster.
expected<void> keep_schema(const wanted_schema& wanted, database_session& session, const std::optional<fenced>& right,
                           event_log& log) {
  const auto first = look(wanted, session);
  if (!first) return tl::unexpected(first.error());
  if (first->added.empty()) return {};
  if (auto begun = session.begin_change(right); !begun) {
    session.rollback();
    return begun;
  }
  const auto plan = look(wanted, session);
  auto done = plan ? carry_out(*plan, session) : expected<void>(tl::unexpected(plan.error()));
  if (!done) {
    session.rollback();
    return done;
  }
  if (auto committed = session.commit(); !committed) return committed;
  log.info("entities", "schema_changed", {{"steps", plan->steps.size()}, {"stays", plan->stays.size()}});
  return {};
}

}  // namespace troupe

// Rows as a service: what a client sends is checked by the model, written or read through the database, and answered
// as JSON. Any thread may call; answers come once, on a thread of the node.
//
//   call      database                                        refused with
//   create    one insert, or all of a list in a transaction   invalid_argument, already_exists, missing_reference
//   read      the row cache, or a select by id                not_found
//   replace   update ... returning, its version raised        the same, condition_failed
//   patch     the same with the given fields
//   erase     delete                                          missing_reference while others refer to it
//   list      one or two ranges of an index, a page each
//
// All of them: unavailable, deadline_exceeded, outcome_unknown, storage_failed from the database. Rows read by their id
// are kept in the cluster's cache (row_cache.hpp), but for entities with an extension that sees what is read.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <troupe/config.hpp>
#include <troupe/entities.hpp>

#include "actors/db/database_service.hpp"
#include "actors/entities/entity_switches.hpp"
#include "actors/entities/row_cache.hpp"
#include "runtime/entities/constraint_faults.hpp"
#include "runtime/entities/list_query.hpp"
#include "runtime/entities/row_text.hpp"

namespace troupe {

/// What a write demands of the row: If-Match with a version, or that there is none.
struct version_rule {
  std::optional<std::int64_t> version;
  bool absent = false;
};

struct row_answer {
  std::int64_t id = 0;
  std::int64_t version = 0;
  std::string json;
};
struct rows_answer {
  bool many = false;  // a list was created
  std::vector<row_answer> rows;
};

class entity_service : public std::enable_shared_from_this<entity_service> {
 public:
  using row_callback = std::function<void(answered<row_answer>)>;
  using rows_callback = std::function<void(answered<rows_answer>)>;
  using erased_callback = std::function<void(answered<>)>;
  using page_callback = std::function<void(answered<std::string>)>;

  static constexpr std::string_view name_space = "entities";

  /// Opens the namespace and makes the model's tables; blocks. errc::bad_config for a change of the model that cannot
  /// be made and for an extension of an entity that is not there. A database that is away is no error: calls answer
  /// unavailable until it is back. `databases` and `log` outlive what is returned.
  [[nodiscard]] static expected<std::shared_ptr<entity_service>> open(entity_model model, database_service& databases,
                                                                      const entity_extensions& extensions,
                                                                      const entities_config& settings, event_log& log);

  /// Where rows are kept from now on, before anybody calls; it outlives this object's calls. And what is heard of
  /// changed rows, if the tables tell: until this object goes.
  [[nodiscard]] expected<void> use(row_cache& cache);
  /// For the row cache: a row as it is in the database.
  using packed_callback = std::function<void(expected<std::optional<std::string>>)>;
  void load(std::string_view key, time_point deadline, packed_callback done);

  /// Before anybody calls; without it, every entity is on.
  void use(std::shared_ptr<entity_switches> switches) { switches_ = std::move(switches); }
  /// Whether requests for the entity are answered here. Rows for the cache's shards are loaded in any case.
  [[nodiscard]] bool is_on(const entity_spec& e) const noexcept {
    return switches_ == nullptr || switches_->is_on(static_cast<std::size_t>(&e - model_->entities.data()));
  }
  /// As entity_switches::turn.
  void turn(const std::string& path, bool on, std::function<void(expected<void>)> done);

  [[nodiscard]] const entity_model& model() const noexcept { return *model_; }
  [[nodiscard]] duration deadline() const noexcept { return settings_.deadline; }

  /// `e` is one of model().entities in all of these.
  void create(const entity_spec& e, std::string_view body, time_point deadline, rows_callback done);
  void read(const entity_spec& e, std::int64_t id, time_point deadline, row_callback done);
  /// Shows the row if it is in this node's part of the cache, under the shard's lock; false: it has to be read.
  [[nodiscard]] bool read_now(const entity_spec& e, std::int64_t id, time_point now,
                              function_ref<void(const cached_row&)> visit);
  /// `operation`: replace or patch.
  struct change {
    entity_operation operation = entity_operation::replace;
    std::int64_t id = 0;
    version_rule rule;
  };
  void write(const entity_spec& e, const change& c, std::string_view body, time_point deadline, row_callback done);
  void erase(const entity_spec& e, std::int64_t id, const version_rule& rule, time_point deadline,
             erased_callback done);
  /// {"items": [...], "next": ...}
  void list(const entity_spec& e, const query_pairs& parameters, time_point deadline, page_callback done);
  /// The rows of a hasMany relation as a list, or the one of another.
  struct related {
    std::int64_t id = 0;
    const relation_spec& relation;
  };
  void list_related(const entity_spec& e, const related& r, const query_pairs& parameters, time_point deadline,
                    page_callback done);
  void read_related(const entity_spec& e, const related& r, time_point deadline, row_callback done);

  entity_service(std::shared_ptr<const entity_model> model, database db, const entities_config& settings);

 private:
  struct known_entity {
    entity_extension extension;
    sql_statement read;
    sql_statement version;
    sql_statement insert;
    sql_statement replace;
    sql_statement replace_of_version;
    sql_statement erase;
    sql_statement erase_of_version;
  };
  struct page_run;

  [[nodiscard]] expected<void> prepare(const entity_extensions& extensions);
  [[nodiscard]] const known_entity& known(const entity_spec& e) const;
  [[nodiscard]] answered<> admit(const entity_spec& e, const entity_call& call, entity_fields& fields,
                                 std::string_view place) const;
  [[nodiscard]] answered<row_answer> answer_of(const entity_spec& e, entity_operation operation,
                                               const sql_row& values) const;
  [[nodiscard]] row_answer shown(const entity_spec& e, entity_operation operation, entity_row row) const;
  [[nodiscard]] bool is_cached(const entity_spec& e) const;
  void read_row_of(const entity_spec& e, std::int64_t id, time_point deadline, row_callback done);
  void forget(const entity_spec& e, std::int64_t id, time_point deadline, erased_callback done);
  void explain_none(const entity_spec& e, std::int64_t id, bool ruled, time_point deadline, erased_callback done);
  void own_value(const entity_spec& e, const related& r, time_point deadline,
                 std::function<void(answered<sql_value>)> done);
  void run_page(const std::shared_ptr<page_run>& p);
  void count_rows(const std::shared_ptr<page_run>& p);
  [[nodiscard]] answered<std::string> page_of(const page_run& p) const;

  const std::shared_ptr<const entity_model> model_;
  database db_;
  const entities_config settings_;
  std::vector<known_entity> known_;  // as the model's entities
  row_cache* cache_ = nullptr;
  std::shared_ptr<entity_switches> switches_;
  subscription notices_;
};

}  // namespace troupe

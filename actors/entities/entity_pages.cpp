// Lists: a page is read from one or two ranges of an index, then counted if asked for, then written as JSON.
#include <algorithm>

#include "actors/entities/entity_service.hpp"

namespace troupe {
namespace {

sql_options until(time_point deadline) {
  sql_options o;
  o.deadline = std::max(duration::zero(), deadline - time_point(std::chrono::steady_clock::now()));
  return o;
}

tl::unexpected<row_refusal> no_such_row() { return refuse(errc::not_found, "there is no such row"); }

}  // namespace

struct entity_service::page_run {
  page_run(const entity_spec& entity, list_query query, time_point end, page_callback then)
      : e(entity), q(std::move(query)), deadline(end), done(std::move(then)) {}

  const entity_spec& e;
  const list_query q;
  const time_point deadline;
  const page_callback done;
  std::vector<sql_text> ranges;
  std::size_t next = 0;  // of them
  std::vector<sql_row> rows;
  std::int64_t count = 0;

  // One more than the page holds says that there is a next one.
  [[nodiscard]] std::size_t wanted() const noexcept { return std::size_t{q.limit} + 1 - rows.size(); }
};

void entity_service::list(const entity_spec& e, const query_pairs& parameters, time_point deadline,
                          page_callback done) {
  auto q = read_list_query(e, parameters, {settings_.list_max, {}});
  if (!q) return done(tl::unexpected(std::move(q.error())));
  auto p = std::make_shared<page_run>(e, std::move(*q), deadline, std::move(done));
  p->ranges = list_statements(e, db_.dialect(), p->q);
  run_page(p);
}

void entity_service::run_page(const std::shared_ptr<page_run>& p) {
  if (p->next == p->ranges.size() || p->wanted() == 0) return p->q.count ? count_rows(p) : p->done(page_of(*p));
  auto& range = p->ranges[p->next++];
  const auto s = sql_statement::parse("list_" + p->e.table, range.text, db_.dialect(), 0);
  if (!s) return p->done(tl::unexpected(refusal_of(p->e, entity_write::store, s.error())));
  range.values.emplace_back(static_cast<std::int64_t>(p->wanted()));
  db_.query(
      *s, std::move(range.values),
      [self = shared_from_this(), p](expected<sql_result> r) {
        if (!r) return p->done(tl::unexpected(refusal_of(p->e, entity_write::store, r.error())));
        std::move(r->rows.begin(), r->rows.end(), std::back_inserter(p->rows));
        self->run_page(p);
      },
      until(p->deadline));
}

void entity_service::count_rows(const std::shared_ptr<page_run>& p) {
  auto all = count_statement(p->e, db_.dialect(), p->q);
  const auto s = sql_statement::parse("count_" + p->e.table, all.text, db_.dialect(), 0);
  if (!s) return p->done(tl::unexpected(refusal_of(p->e, entity_write::store, s.error())));
  db_.query(
      *s, std::move(all.values),
      [self = shared_from_this(), p](expected<sql_result> r) {
        const auto n = r ? r->get<std::int64_t>(0, 0) : expected<std::int64_t>(tl::unexpected(r.error()));
        if (!n) return p->done(tl::unexpected(refusal_of(p->e, entity_write::store, n.error())));
        p->count = *n;
        p->done(self->page_of(*p));
      },
      until(p->deadline));
}

answered<std::string> entity_service::page_of(const page_run& p) const {
  std::string json = "{\"items\":[";
  std::string next = "null";
  const auto shown_rows = std::min<std::size_t>(p.rows.size(), p.q.limit);
  for (std::size_t i = 0; i < shown_rows; ++i) {
    auto row = read_row(p.e, p.rows[i]);
    if (!row) return tl::unexpected(refusal_of(p.e, entity_write::store, row.error()));
    if (i + 1 == shown_rows && p.rows.size() > shown_rows) {
      const auto key = p.q.order == id_field ? sql_value() : row->fields.at(p.q.order);
      const auto* text = std::get_if<std::string>(&key);
      if (text != nullptr && text->size() > list_key_bytes_max)
        return refuse(errc::invalid_argument, "the rows cannot be paged in this order",
                      {"$orderby: a value of more than " + std::to_string(list_key_bytes_max) + " bytes"});
      next = '"' + page_token(p.e, p.q, {key, row->id}) + '"';
    }
    json += (i == 0 ? "" : ",") + shown(p.e, entity_operation::read, std::move(*row)).json;
  }
  json += "],\"next\":" + next;
  if (p.q.count) json += ",\"count\":" + std::to_string(p.count);
  return json + "}\n";
}

// What the rows on the other side of a relation have to hold.
void entity_service::own_value(const entity_spec& e, const related& r, time_point deadline,
                               std::function<void(answered<sql_value>)> done) {
  db_.query(
      known(e).read, {r.id},
      [self = shared_from_this(), &e, field = r.relation.own_field, id = r.id,
       done = std::move(done)](expected<sql_result> found) {
        if (!found) return done(tl::unexpected(refusal_of(e, entity_write::store, found.error())));
        if (found->empty()) return done(no_such_row());
        auto row = read_row(e, found->rows.front());
        if (!row) return done(tl::unexpected(refusal_of(e, entity_write::store, row.error())));
        done(field == id_field ? sql_value(id) : row->fields[field]);
      },
      until(deadline));
}

void entity_service::list_related(const entity_spec& e, const related& r, const query_pairs& parameters,
                                  time_point deadline, page_callback done) {
  const auto& target = model_->entities[r.relation.target];
  const auto scope = e.path + "/" + std::to_string(r.id) + "/" + r.relation.name;
  auto q = read_list_query(target, parameters, {settings_.list_max, scope});
  if (!q) return done(tl::unexpected(std::move(q.error())));
  own_value(e, r, deadline,
            [self = shared_from_this(), &target, field = r.relation.target_field, q = std::move(*q), deadline,
             done = std::move(done)](answered<sql_value> value) mutable {
              if (!value) return done(tl::unexpected(std::move(value.error())));
              q.filters.push_back({field, value_kind::integer, filter_operator::eq, {std::move(*value)}});
              auto p = std::make_shared<page_run>(target, std::move(q), deadline, std::move(done));
              p->ranges = list_statements(target, self->db_.dialect(), p->q);
              self->run_page(p);
            });
}

void entity_service::read_related(const entity_spec& e, const related& r, time_point deadline, row_callback done) {
  const auto& target = model_->entities[r.relation.target];
  own_value(e, r, deadline,
            [self = shared_from_this(), &target, field = r.relation.target_field, deadline,
             done = std::move(done)](answered<sql_value> value) {
              if (!value) return done(tl::unexpected(std::move(value.error())));
              list_query q;
              q.limit = 1;
              q.filters.push_back({field, value_kind::integer, filter_operator::eq, {std::move(*value)}});
              auto page = list_statements(target, self->db_.dialect(), q).front();
              const auto s = sql_statement::parse("related_" + target.table, page.text, self->db_.dialect(), 0);
              if (!s) return done(tl::unexpected(refusal_of(target, entity_write::store, s.error())));
              page.values.emplace_back(std::int64_t{1});
              self->db_.query(
                  *s, std::move(page.values),
                  [self, &target, done](expected<sql_result> found) {
                    if (!found) return done(tl::unexpected(refusal_of(target, entity_write::store, found.error())));
                    if (found->empty()) return done(refuse(errc::not_found, "no row is related"));
                    done(self->answer_of(target, entity_operation::read, found->rows.front()));
                  },
                  until(deadline));
            });
}

}  // namespace troupe

// Relations and references of a model: who refers to whom by which column, and circles in which no row could be first.
#include <algorithm>
#include <optional>

#include "runtime/entities/model_draft.hpp"
#include "runtime/entities/model_reader.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {
namespace {

constexpr std::int64_t id_highest_min = 0x7fffffff;  // a column for ids holds at least these

class linker {
 public:
  explicit linker(model_draft& draft) : draft_(draft) {}

  void link() {
    for (std::size_t i = 0; i < draft_.entities.size(); ++i) {
      for (const auto& r : draft_.entities[i].references) link_reference(i, r);
    }
    // First those that belong: they say which column it is, if it has another name.
    for (const bool belongs : {true, false}) {
      for (std::size_t i = 0; i < draft_.entities.size(); ++i) {
        for (const auto& r : draft_.entities[i].relations) {
          if ((r.kind == relation_kind::belongs_to) == belongs) link_relation(i, r);
        }
      }
    }
    if (draft_.faults.empty()) find_circles();
  }

 private:
  entity_spec& at(std::size_t i) { return draft_.entities[i].spec; }
  void fault(const std::string& place, const std::string& what) { draft_.faults.add(place, what); }

  std::optional<std::size_t> entity_called(const std::string& place, const std::string& name) {
    const auto path = lower_case(name);
    for (std::size_t i = 0; i < draft_.entities.size(); ++i) {
      if (at(i).path == path) return i;
    }
    fault(place, "there is no entity '" + name + "'");
    return std::nullopt;
  }

  // The kind of a field that others refer to; a fault when nobody could.
  std::optional<value_kind> kind_referred_to(const std::string& place, std::size_t entity, const std::string& field) {
    if (field == id_field) return value_kind::integer;
    const auto* p = at(entity).find(field);
    if (p != nullptr && p->stored && p->unique) return p->kind;
    fault(place, "'" + field + "' is no stored and unique property of " + at(entity).type_name);
    return std::nullopt;
  }

  // `entity`.`field` refers to `to`; the column is made when the model does not have it.
  void refer(const std::string& place, std::size_t entity, const std::string& field, reference_spec to) {
    const auto kind = kind_referred_to(place, to.entity, to.field);
    if (!kind) return;
    auto& properties = at(entity).properties;
    auto p = std::find_if(properties.begin(), properties.end(), [&](const auto& x) { return x.field == field; });
    if (p == properties.end()) {
      property_spec made;
      made.name = field;
      made.field = field;
      made.kind = *kind;
      made.selectable.add(filter_operator::eq);
      made.selectable.add(filter_operator::in);
      if (properties.size() >= entity_properties_max || !is_model_name(field))
        return fault(place, "there is no property '" + field + "'");
      properties.push_back(std::move(made));
      p = properties.end() - 1;
    }
    const auto what = at(entity).type_name + "." + p->name;
    if (!p->stored) return fault(place, what + " is not stored (no_db)");
    if (p->kind != *kind) return fault(place, what + " is of another type than what it refers to");
    if (to.field == id_field && p->highest < id_highest_min) return fault(place, what + " is too narrow for an id");
    if (p->refers_to && (p->refers_to->entity != to.entity || p->refers_to->field != to.field))
      return fault(place, what + " refers to " + at(p->refers_to->entity).type_name + " already");
    p->refers_to = std::move(to);
    p->indexed = true;
  }

  void link_reference(std::size_t i, const named_reference& r) {
    const auto to = entity_called(r.place + ".ref_entity", r.to_entity);
    if (to) refer(r.place + ".ref_field", i, r.field, {*to, r.to_field.empty() ? std::string(id_field) : r.to_field});
  }

  void link_relation(std::size_t i, const named_relation& r) {
    const auto to = entity_called(r.place + ".toEntity", r.to_entity);
    if (!to) return;
    relation_spec spec;
    spec.name = r.name;
    spec.kind = r.kind;
    spec.target = *to;
    const bool belongs = r.kind == relation_kind::belongs_to;
    const auto by_rule = snake_case(at(belongs ? *to : i).type_name + "ID");
    spec.own_field = !r.own_field.empty() ? r.own_field : belongs ? by_rule : std::string(id_field);
    spec.target_field = !r.target_field.empty() ? r.target_field : belongs ? std::string(id_field) : by_rule;
    if (belongs)
      refer(r.place, i, spec.own_field, {*to, spec.target_field});
    else
      refer(r.place, *to, spec.target_field, {i, spec.own_field});
    name_paths(i, r, spec);
    at(i).relations.push_back(std::move(spec));
  }

  void name_paths(std::size_t i, const named_relation& r, relation_spec& spec) {
    spec.paths.push_back(lower_case(r.name));
    if (spec.paths[0].starts_with("to") && spec.paths[0].size() > 2) spec.paths.push_back(spec.paths[0].substr(2));
    for (const auto& path : spec.paths) {
      if (at(i).find_relation(path) != nullptr) fault(r.place, "another relation has the path " + path);
    }
  }

  // Whose row must be there before a row of `i`, or is said to own it.
  std::vector<std::size_t> before(std::size_t i) {
    std::vector<std::size_t> found;
    for (const auto& r : at(i).relations) {
      if (r.kind == relation_kind::belongs_to && r.target != i) found.push_back(r.target);
    }
    for (const auto& p : at(i).properties) {
      if (p.required && p.refers_to) found.push_back(p.refers_to->entity);
    }
    return found;
  }

  void find_circles() {
    marks_.assign(draft_.entities.size(), mark::fresh);
    for (std::size_t i = 0; i < draft_.entities.size(); ++i) visit(i);
  }

  // Depth is at most the number of entities, which is limited.
  void visit(std::size_t i) {
    if (marks_[i] == mark::done) return;
    if (marks_[i] == mark::open) return report(i);
    marks_[i] = mark::open;
    trail_.push_back(i);
    for (const auto next : before(i)) visit(next);
    trail_.pop_back();
    marks_[i] = mark::done;
  }

  void report(std::size_t i) {
    std::string circle;
    for (auto at_trail = std::find(trail_.begin(), trail_.end(), i); at_trail != trail_.end(); ++at_trail)
      circle += at(*at_trail).type_name + " -> ";
    fault(at(i).type_name, circle + at(i).type_name + ": they belong to each other in a circle, so none can be first");
  }

  enum class mark : std::uint8_t { fresh, open, done };
  model_draft& draft_;
  std::vector<mark> marks_;
  std::vector<std::size_t> trail_;
};

}  // namespace

void link_entities(model_draft& draft) { linker(draft).link(); }

}  // namespace troupe

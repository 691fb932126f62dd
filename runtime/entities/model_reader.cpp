#include "runtime/entities/model_reader.hpp"

#include <algorithm>
#include <set>

#include "runtime/entities/model_draft.hpp"
#include "runtime/entities/names.hpp"

namespace troupe {

bool is_object_with(const std::string& place, const ordered_json& value, const std::vector<std::string_view>& known,
                    model_draft& draft) {
  if (!value.is_object()) {
    draft.faults.add(place, "must be an object, is " + type_words(value));
    return false;
  }
  for (const auto& [key, unused] : value.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      draft.warnings.add(place + "." + key, "is not known and left out");
  }
  return true;
}

std::string text_of(const std::string& place, const ordered_json& value, const char* key, model_draft& draft) {
  const auto found = value.find(key);
  if (found == value.end() || found->is_null()) return {};
  if (found->is_string()) return found->get<std::string>();
  draft.faults.add(place + "." + key, "must be text, is " + type_words(*found));
  return {};
}

namespace {

// Names of a comma list, without blanks around them.
std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto part = list.substr(0, comma);
    list = comma == list.npos ? std::string_view() : list.substr(comma + 1);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    parts.emplace_back(part);
  }
  return parts;
}

constexpr std::uint64_t first_id_max = std::uint64_t{1} << 62U;

bool is_own_table(const std::string& table) {
  return table.starts_with("troupe_") || table.starts_with("sqlite_") || table.starts_with("pg_");
}

class reader {
 public:
  expected<model_file> read(const ordered_json& root) {
    if (is_object_with("the model", root, {"entities"}, draft_)) read_entities(root);
    if (draft_.faults.empty()) link_entities(draft_);
    if (!draft_.faults.empty()) return fail(errc::bad_config, draft_.faults.take_text());
    model_file file;
    for (auto& e : draft_.entities) file.model.entities.push_back(std::move(e.spec));
    file.warnings = draft_.warnings.take();
    return file;
  }

 private:
  void read_entities(const ordered_json& root) {
    const auto list = root.find("entities");
    if (list == root.end() || !list->is_array() || list->empty())
      return draft_.faults.add("entities", "must be a list of at least one entity");
    if (list->size() > model_entities_max)
      return draft_.faults.add("entities", "has more than " + std::to_string(model_entities_max));
    std::size_t number = 0;
    for (const auto& value : *list) read_entity("entities[" + std::to_string(number++) + "]", value);
  }

  void read_entity(std::string place, const ordered_json& value) {
    if (!is_object_with(place, value,
                        {"typeName", "properties", "compositeIndexes", "relations", "ext_points", "id_properties"},
                        draft_))
      return;
    entity_draft e;
    e.spec.type_name = text_of(place, value, "typeName", draft_);
    if (!e.spec.type_name.empty()) place = e.spec.type_name;
    name_entity(place, e.spec);
    read_first_id(place, value, e.spec);
    read_properties(place, value, e);
    read_composites(place, value, e.spec);
    read_relations(place, value, e);
    draft_.entities.push_back(std::move(e));
  }

  void name_entity(const std::string& place, entity_spec& e) {
    if (!is_model_name(e.type_name))
      return draft_.faults.add(place + ".typeName", "has 1 to " + std::to_string(model_name_bytes_max) +
                                                        " letters, digits or _, a letter first");
    e.path = lower_case(e.type_name);
    e.table = snake_case(e.type_name);
    if (is_sql_word(e.path) || is_sql_word(e.table) || is_own_table(e.table))
      draft_.faults.add(place + ".typeName", "'" + e.type_name + "' is a reserved word");
    if (e.table.size() > table_name_bytes_max) draft_.faults.add(place + ".typeName", "the table's name is too long");
    if (!paths_.insert(e.path).second || !tables_.insert(e.table).second)
      draft_.faults.add(place + ".typeName", "another entity has the name " + e.path + " or the table " + e.table);
  }

  void read_first_id(const std::string& place, const ordered_json& value, entity_spec& e) {
    const auto given = value.find("id_properties");
    if (given == value.end() || !is_object_with(place + ".id_properties", *given, {"start"}, draft_)) return;
    const auto start = given->find("start");
    if (start == given->end()) return;
    const auto first = start->is_number_unsigned() ? start->get<std::uint64_t>() : 0;
    if (first == 0 || first > first_id_max)
      return draft_.faults.add(place + ".id_properties.start", "must be a positive integer, is " + start->dump());
    e.first_id = static_cast<std::int64_t>(first);
  }

  void read_properties(const std::string& place, const ordered_json& value, entity_draft& e) {
    const auto given = value.find("properties");
    if (given == value.end()) return draft_.faults.add(place + ".properties", "is missing");
    if (!given->is_object())
      return draft_.faults.add(place + ".properties", "must be an object, is " + type_words(*given));
    if (given->size() > entity_properties_max)
      return draft_.faults.add(place + ".properties", "has more than " + std::to_string(entity_properties_max));
    for (const auto& [name, property] : given->items())
      read_property(place + ".properties." + name, name, property, e, draft_);
  }

  // A list, or nothing.
  const ordered_json* list_of(const std::string& place, const ordered_json& value, const char* key, std::size_t most) {
    const auto found = value.find(key);
    if (found == value.end() || found->is_null()) return nullptr;
    if (found->is_array() && found->size() <= most) return &*found;
    draft_.faults.add(place + "." + key, "must be a list of at most " + std::to_string(most));
    return nullptr;
  }

  void read_composites(const std::string& place, const ordered_json& value, entity_spec& e) {
    const auto* list = list_of(place, value, "compositeIndexes", entity_indices_max);
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto here = place + ".compositeIndexes[" + std::to_string(i) + "]";
      if (!is_object_with(here, (*list)[i], {"index", "unique"}, draft_)) continue;
      index_spec index;
      for (const auto& part : parts_of(text_of(here, (*list)[i], "index", draft_))) {
        const auto* p = e.find(snake_case(part));
        if (p == nullptr || !p->stored)
          draft_.faults.add(here, "'" + part + "' is no property that is stored");
        else if (std::find(index.fields.begin(), index.fields.end(), p->field) != index.fields.end())
          draft_.faults.add(here, "'" + part + "' is there twice");
        else
          index.fields.push_back(p->field);
      }
      if (index.fields.size() < 2) draft_.faults.add(here, "needs two properties or more, as in \"name, city\"");
      const auto unique = (*list)[i].find("unique");
      if (unique != (*list)[i].end() && !unique->is_boolean())
        draft_.faults.add(here + ".unique", "must be true or false");
      else
        index.unique = unique != (*list)[i].end() && unique->get<bool>();
      e.composites.push_back(std::move(index));
    }
  }

  void read_relations(const std::string& place, const ordered_json& value, entity_draft& e) {
    const auto* list = list_of(place, value, "relations", entity_relations_max);
    if (list == nullptr) return;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const auto here = place + ".relations[" + std::to_string(i) + "]";
      const auto& one = (*list)[i];
      if (!is_object_with(here, one, {"relName", "properties"}, draft_)) continue;
      const auto name = text_of(here, one, "relName", draft_);
      if (!is_model_name(name)) draft_.faults.add(here + ".relName", "has letters, digits or _, a letter first");
      const auto given = one.find("properties");
      if (given == one.end()) {
        draft_.faults.add(here + ".properties", "is missing");
        continue;
      }
      read_relation(place + ".relations." + name, name, *given, e);
    }
  }

  void read_relation(const std::string& place, const std::string& name, const ordered_json& value, entity_draft& e) {
    if (!is_object_with(place, value, {"relType", "toEntity", "refKey", "foreignPK"}, draft_)) return;
    named_relation r;
    r.place = place;
    r.name = name;
    const auto type = text_of(place, value, "relType", draft_);
    if (type == "hasOne")
      r.kind = relation_kind::has_one;
    else if (type == "hasMany")
      r.kind = relation_kind::has_many;
    else if (type == "belongsTo")
      r.kind = relation_kind::belongs_to;
    else
      draft_.faults.add(place + ".relType", "must be hasOne, hasMany or belongsTo, is '" + type + "'");
    r.to_entity = text_of(place, value, "toEntity", draft_);
    r.own_field = snake_case(text_of(place, value, "refKey", draft_));
    r.target_field = snake_case(text_of(place, value, "foreignPK", draft_));
    e.relations.push_back(std::move(r));
  }

  model_draft draft_;
  std::set<std::string> paths_;
  std::set<std::string> tables_;
};

}  // namespace

expected<model_file> read_model(std::string_view json) {
  if (json.size() > model_bytes_max)
    return fail(errc::bad_config, "the model has more than " + std::to_string(model_bytes_max) + " bytes");
  const auto root = read_json(json);
  if (!root) return fail(errc::bad_config, root.error().context);
  return reader().read(*root);
}

}  // namespace troupe

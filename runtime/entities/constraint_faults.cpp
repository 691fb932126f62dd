#include "runtime/entities/constraint_faults.hpp"

#include <algorithm>

#include "runtime/entities/schema_plan.hpp"

namespace troupe {
namespace {

bool holds(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

// "t.a, t.b", as SQLite lists the columns of an index.
std::string columns_of(const entity_spec& e, const named_index& index) {
  std::string text;
  for (const auto& f : index.fields) text.append(text.empty() ? "" : ", ").append(e.table + "." + f);
  return text;
}

std::string joined(const std::vector<std::string>& fields) {
  std::string text;
  for (const auto& f : fields) text.append(text.empty() ? "" : ", ").append(f);
  return text;
}

row_refusal taken(const entity_spec& e, const std::string& said) {
  row_refusal r{errc::already_exists, "another row has a value that is unique"};
  const named_index* best = nullptr;
  const auto all = indices_of(e);
  for (const auto& index : all) {
    const bool named =
        index.unique && (holds(said, '"' + index.name + '"') || said.ends_with("failed: " + columns_of(e, index)));
    if (named && (best == nullptr || index.fields.size() > best->fields.size())) best = &index;
  }
  if (best != nullptr) r.errors.push_back(joined(best->fields) + ": another row has this value");
  return r;
}

row_refusal missing(const entity_spec& e, entity_write write, const std::string& said) {
  if (write == entity_write::erase) return {errc::missing_reference, "other rows refer to this one"};
  row_refusal r{errc::missing_reference, "a row that is referred to is not there"};
  std::vector<std::string> candidates;
  for (const auto& p : e.properties) {
    if (!p.refers_to) continue;
    if (holds(said, '"' + reference_name(e, p) + '"')) {
      candidates = {p.field};
      break;
    }
    candidates.push_back(p.field);
  }
  if (!candidates.empty()) r.errors.push_back(joined(candidates) + ": refers to a row that is not there");
  return r;
}

}  // namespace

row_refusal refusal_of(const entity_spec& e, entity_write write, const error& why) {
  switch (why.code) {
    case errc::already_exists: return taken(e, why.context);
    case errc::missing_reference: return missing(e, write, why.context);
    case errc::too_large: return {errc::too_large, "the rows are too large for one answer"};
    case errc::unavailable: return {why.code, "the database is away or has too much to do"};
    case errc::deadline_exceeded: return {why.code, "the database did not answer in time"};
    default: return {why.code, {}};
  }
}

}  // namespace troupe

#include "gateways/http/cache_batch_json.hpp"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>
#include <troupe/time.hpp>

#include "actors/net/base64.hpp"
#include "gateways/http/uri.hpp"
#include "runtime/base/error.hpp"

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t faults_shown_max = 20;

// Bytes that are no UTF-8 are shown under another name.
void show_bytes(json& into, const std::string& bytes, const char* as_text) {
  try {
    (void)json(bytes).dump();
    into[as_text] = bytes;
  } catch (const json::type_error&) {
    into[std::string(as_text) + "_base64"] = to_base64(bytes);
  }
}

class batch_reader {
 public:
  explicit batch_reader(std::vector<std::string>& faults) : faults_(faults) {}

  cache_batch read(std::string_view body) {
    const json all = json::parse(body, nullptr, false);
    if (!all.is_object()) {
      fault("the body is no JSON object");
      return {};
    }
    cache_batch b;
    std::size_t asked = 0;
    for (const auto& [name, list] : all.items()) {
      const bool known = name == "get" || name == "put" || name == "erase";
      if (!known || !list.is_array()) {
        fault(known ? name + " is no array" : name + " is unknown: get, put, erase");
        continue;
      }
      asked += list.size();
      for (std::size_t i = 0; i < list.size() && asked <= cache::batch_max; ++i) {
        at_ = name + "[" + std::to_string(i) + "]";
        if (name == "put")
          b.put.push_back(read_entry(list[i]));
        else
          (name == "get" ? b.get : b.erase).push_back(read_key(list[i]));
      }
    }
    if (asked > cache::batch_max) fault("more than " + std::to_string(cache::batch_max) + " keys");
    if (asked == 0 && faults_.empty()) fault("nothing is asked");
    return b;
  }

 private:
  void fault(std::string why) {
    if (faults_.size() < faults_shown_max) faults_.push_back(std::move(why));
  }

  std::string checked_key(std::string key) {
    if (key.empty()) fault(at_ + ": the key is empty");
    return key;
  }

  // A text, or {"key_base64": ...}.
  std::string read_key(const json& j) {
    if (j.is_string()) return checked_key(j.get<std::string>());
    if (j.is_object()) return checked_key(read_bytes(j, "key"));
    fault(at_ + " is no key");
    return {};
  }

  std::string read_bytes(const json& j, const std::string& name) {
    const auto text = j.find(name);
    const auto encoded = j.find(name + "_base64");
    if ((text == j.end()) == (encoded == j.end())) {
      fault(at_ + ": give " + name + " or " + name + "_base64");
      return {};
    }
    const auto& given = text != j.end() ? *text : *encoded;
    if (!given.is_string()) {
      fault(at_ + ": " + name + " is no text");
      return {};
    }
    if (text != j.end()) return given.get<std::string>();
    auto bytes = from_base64(given.get<std::string>());
    if (!bytes) fault(at_ + ": " + name + "_base64 is not base64");
    return bytes.value_or(std::string());
  }

  cache_entry read_entry(const json& j) {
    cache_entry e;
    if (!j.is_object()) {
      fault(at_ + " is no object");
      return e;
    }
    e.key = checked_key(read_bytes(j, "key"));
    e.value = read_bytes(j, "value");
    for (const auto& [name, value] : j.items()) {
      if (name == "ttl") {
        read_ttl(value, e.options);
      } else if (name == "if_version") {
        if (!value.is_number_unsigned())
          fault(at_ + ": if_version is no version");
        else
          set_condition(e.options, write_condition::if_version, value.get<std::uint64_t>());
      } else if (name == "if_absent" || name == "if_present") {
        if (!value.is_boolean())
          fault(at_ + ": " + name + " is true or false");
        else if (value.get<bool>())
          set_condition(e.options, name == "if_absent" ? write_condition::if_absent : write_condition::if_present, 0);
      } else if (name != "key" && name != "key_base64" && name != "value" && name != "value_base64") {
        fault(at_ + ": " + name + " is unknown");
      }
    }
    return e;
  }

  void read_ttl(const json& value, put_options& o) {
    const auto ttl = value.is_string() ? parse_duration(value.get<std::string>()) : fail(errc::invalid_argument);
    if (ttl && *ttl > duration::zero())
      o.ttl = *ttl;
    else
      fault(at_ + ": ttl is a duration such as 30s");
  }

  void set_condition(put_options& o, write_condition c, std::uint64_t version) {
    if (o.condition != write_condition::none) fault(at_ + ": one condition at most");
    o.condition = c;
    o.version = version;
  }

  std::vector<std::string>& faults_;
  std::string at_;
};

json failure(const error& e) {
  std::string type(face_of(e.code).name);
  std::replace(type.begin(), type.end(), '_', '-');
  json j{{"status", face_of(e.code).http_status}, {"type", type}};
  if (!e.context.empty()) j["detail"] = e.context;
  return j;
}

template <class T, class Show>
json rows(const std::vector<expected<T>>& answers, const Show& show) {
  json all = json::array();
  for (std::size_t i = 0; i < answers.size(); ++i) {
    json row = json::object();
    const auto& a = answers[i];
    a ? show(row, i, *a) : void(row["error"] = failure(a.error()));
    all.push_back(std::move(row));
  }
  return all;
}

}  // namespace

cache_batch read_cache_batch(std::string_view body, std::vector<std::string>& faults) {
  return batch_reader(faults).read(body);
}

std::string cache_batch_json(const cache_batch& asked, const cache_batch_answer& answer) {
  json all = json::object();
  if (!asked.get.empty()) {
    all["get"] = rows(answer.got, [](json& row, std::size_t, const cache_value& v) {
      show_bytes(row, v.bytes, "value");
      row["version"] = v.version;
      if (v.ttl) row["ttl_ms"] = std::chrono::ceil<std::chrono::milliseconds>(*v.ttl).count();
    });
  }
  if (!asked.put.empty())
    all["put"] = rows(answer.put, [](json& row, std::size_t, std::uint64_t version) { row["version"] = version; });
  if (!asked.erase.empty())
    all["erase"] = rows(answer.erased, [](json& row, std::size_t, bool was) { row["erased"] = was; });
  return all.dump() + "\n";
}

std::string cache_page_json(const cache_page& page) {
  json keys = json::array();
  for (const auto& key : page.keys) keys.push_back(percent_encode(key));
  json all{{"keys", std::move(keys)}};
  all["next"] = page.next.empty() ? json() : json(page.next);
  return all.dump() + "\n";
}

std::string cache_change_json(const cache_change& change) {
  json j = json::object();
  if (change.kind == change_kind::gap) j["cause"] = change.cause;
  if (change.kind == change_kind::gap || change.kind == change_kind::opened) return j.dump();
  if (change.kind != change_kind::dropped) show_bytes(j, change.key, "key");
  j["version"] = change.version;
  j["shard"] = change.shard;
  if (change.value) show_bytes(j, *change.value, "value");
  return j.dump();
}

std::string cache_number_json(std::int64_t number) { return json{{"value", number}}.dump() + "\n"; }

}  // namespace troupe

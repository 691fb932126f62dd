#include "config/toml_layer.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <toml++/toml.h>

#include "config/text.hpp"
#include "config/toml_nesting.hpp"
#include "config/value.hpp"

namespace troupe {
namespace {

std::string type_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table: return "a table";
    case toml::node_type::array: return "a list";
    case toml::node_type::string: return "the string " + in_quotes(*node.value<std::string_view>());
    case toml::node_type::integer: return "the integer " + std::to_string(*node.value<std::int64_t>());
    case toml::node_type::floating_point: return "a number with a fraction";
    case toml::node_type::boolean: return "true or false";
    default: return "a date or time";
  }
}

/// One file being laid over a draft. Faults are collected with their lines: toml++ orders a table by
/// name, people read by line.
class toml_reader {
 public:
  toml_reader(draft& d, const std::string& source) : draft_(d), source_(source) {}

  void read(const toml::table& root) {
    for (auto&& [name, node] : root) read_section(name, node);
    std::stable_sort(faults_.begin(), faults_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [line, text] : faults_) draft_.fault(place(line) + ": " + std::move(text));
    draft_.faults_unlisted += unlisted_;
  }

 private:
  using line_number = toml::source_index;

  std::string place(line_number line) const { return source_ + ":" + std::to_string(line); }

  /// The text is a function: a suggestion is dear to find, and faults beyond the limit show none.
  template <class Text>
  void fault(line_number line, const Text& text) {
    if (faults_.size() < draft::faults_max) {
      faults_.emplace_back(line, text());
    } else {
      ++unlisted_;
    }
  }

  void read_section(const toml::key& name, const toml::node& node) {
    const line_number line = name.source().begin.line;
    const toml::table* table = node.as_table();
    if (is_section(name.str()) && table == nullptr) {
      fault(line, [&] { return std::string(name.str()) + ": must be a section, is " + type_of(node); });
    } else if (name.str() == caches_section) {
      for (auto&& [block, keys_of_block] : *table) read_block(block, keys_of_block);
    } else if (name.str() == modules_section) {
      for (auto&& [module, values] : *table) read_module(module, values);
    } else if (is_section(name.str())) {
      for (auto&& [key_name, value] : *table) read_key(name.str(), {}, key_name, value);
    } else if (table == nullptr) {
      fault(line, [&] { return in_quotes(name.str()) + ": a key outside all sections" + suggest_key({}, name.str()); });
    } else {
      fault(line, [&] { return "[" + shown(name.str()) + "]: unknown section" + suggest_section(name.str()); });
    }
  }

  void read_block(const toml::key& block, const toml::node& node) {
    const line_number line = block.source().begin.line;
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      fault(line,
            [&] { return "caches." + shown(block.str()) + ": must be a section [caches.NAME], is " + type_of(node); });
    } else if (!is_name(block.str(), "_-")) {
      fault(line,
            [&] { return "[caches." + shown(block.str()) + "]: a cache's name has 1 to 64 letters, digits, _ or -"; });
    } else {
      draft_.values.caches[std::string(block.str())];
      for (auto&& [key_name, value] : *table) read_key(caches_section, std::string(block.str()), key_name, value);
    }
  }

  /// Keys and types are the module's: what it takes is kept as text.
  void read_module(const toml::key& module, const toml::node& node) {
    const line_number line = module.source().begin.line;
    const std::string path = "modules." + shown(module.str());
    const toml::table* table = node.as_table();
    if (table == nullptr) {
      return fault(line, [&] { return path + ": must be a section [modules.NAME], is " + type_of(node); });
    }
    if (!is_name(module.str(), "_-")) {
      return fault(line, [&] { return "[" + path + "]: a module's name has 1 to 64 letters, digits, _ or -"; });
    }
    draft_.places[path] = place(line);
    auto& block = draft_.values.modules[std::string(module.str())];
    for (auto&& [key_name, value] : *table) {
      module_value read;
      const toml::array* array = value.as_array();
      read.list = array != nullptr;
      verdict wrong = array == nullptr ? add_text(read, value) : verdict();
      for (std::size_t i = 0; array != nullptr && i < array->size() && wrong.empty(); ++i) {
        wrong = add_text(read, *array->get(i));
      }
      const auto at = key_name.source().begin.line;
      if (wrong.empty()) {
        block[std::string(key_name.str())] = std::move(read);
      } else {
        fault(at, [&] { return path + "." + shown(key_name.str()) + ": " + wrong; });
      }
    }
  }

  static verdict add_text(module_value& to, const toml::node& node) {
    if (const auto* text = node.as_string()) {
      to.texts.push_back(text->get());
    } else if (const auto* number = node.as_integer()) {
      to.texts.push_back(std::to_string(number->get()));
    } else if (const auto* flag = node.as_boolean()) {
      to.texts.emplace_back(flag->get() ? "true" : "false");
    } else {
      return "must be a text, an integer, true or false, or a list of them, has " + type_of(node);
    }
    return {};
  }

  void read_key(std::string_view section, const std::string& block, const toml::key& name, const toml::node& node) {
    const line_number line = name.source().begin.line;
    const key* k = find_key(section, name.str());
    if (k == nullptr) {
      fault(line, [&] {
        const std::string prefix = std::string(section) + (block.empty() ? "." : "." + block + ".");
        return prefix + shown(name.str()) + ": unknown key" + suggest_key(section, name.str(), block);
      });
      return;
    }
    const std::string path = path_of(*k, block);
    if (!seen_.insert(path).second) {
      fault(line, [&] { return path + ": given twice, as " + std::string(k->name) + " and " + std::string(k->alias); });
      return;
    }
    verdict wrong = store(*k, k->in(draft_.values, block), node);
    if (wrong.empty()) {
      draft_.places[path] = place(line);
    } else {
      fault(line, [&] { return path + ": " + wrong; });
    }
  }

  static verdict store(const key& k, field f, const toml::node& node) {
    if (auto* const* list = std::get_if<string_list*>(&f)) return store_list(k, *list, node);
    if (auto* const* map = std::get_if<string_map*>(&f)) return store_map(k, *map, node);
    if (const auto* flag = node.as_boolean(); flag != nullptr && std::holds_alternative<bool*>(f)) {
      *std::get<bool*>(f) = flag->get();
      return {};
    }
    if (const auto* number = node.as_integer()) {
      if (auto* const* size = std::get_if<std::uint64_t*>(&f)) return store_size(k, *size, number->get());
      if (std::holds_alternative<std::uint32_t*>(f) || std::holds_alternative<std::int32_t*>(f)) {
        return store_integer(k, f, number->get());
      }
    }
    if (const auto* text = node.as_string()) {
      if (auto* const* string = std::get_if<std::string*>(&f)) return store_string(k, *string, text->get());
      if (auto* const* size = std::get_if<std::uint64_t*>(&f)) return store_size(k, *size, text->get());
      if (auto* const* d = std::get_if<duration*>(&f)) return store_duration(k, *d, text->get());
      if (!k.word.empty() && text->get() == k.word) return store_word(k, f, text->get());
    }
    return "must be " + type_name(k, f) + ", is " + type_of(node);
  }

  static verdict store_list(const key& k, string_list* f, const toml::node& node) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return "must be " + type_name(k, f) + ", is " + type_of(node);
    string_list elements;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (text == nullptr) return "must be " + type_name(k, f) + ", has " + type_of(element);
      if (text->get().empty()) return "has an empty element";
      elements.push_back(text->get());
    }
    *f = std::move(elements);
    return {};
  }

  static verdict store_map(const key& k, string_map* f, const toml::node& node) {
    const toml::table* table = node.as_table();
    if (table == nullptr) return "must be " + type_name(k, f) + ", is " + type_of(node);
    string_map entries;
    for (auto&& [name, element] : *table) {
      const auto* text = element.as_string();
      if (text == nullptr) return "must be " + type_name(k, f) + ", has " + type_of(element);
      entries.emplace(name.str(), text->get());
    }
    *f = std::move(entries);
    return {};
  }

  /// A name from the file as it is when it is a plain one, else in quotes.
  static std::string shown(std::string_view name) { return is_name(name, "_-") ? std::string(name) : in_quotes(name); }

  draft& draft_;
  const std::string& source_;
  std::set<std::string> seen_;  // paths, to catch a key that is there under both of its names
  std::vector<std::pair<line_number, std::string>> faults_;
  std::size_t unlisted_ = 0;
};

}  // namespace

bool apply_toml(draft& d, std::string_view text, const std::string& source) {
  if (const std::size_t line = line_nested_too_deep(text); line != 0) {
    d.fault(source + ":" + std::to_string(line) + ": more than " + std::to_string(toml_dots_max) +
            " dots outside strings");
    return false;
  }
  try {
    const toml::table root = toml::parse(text, source);
    toml_reader(d, source).read(root);
    return true;
  } catch (const toml::parse_error& e) {
    d.fault(source + ":" + std::to_string(e.source().begin.line) + ": not TOML: " + one_line(e.description()));
    return false;
  }
}

}  // namespace troupe

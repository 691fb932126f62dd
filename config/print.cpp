#include "config/print.hpp"

#include <troupe/config.hpp>

#include "config/dsn.hpp"
#include "config/key.hpp"
#include "config/text.hpp"
#include "config/value.hpp"

namespace troupe {
namespace {

constexpr std::size_t columns = 100;

std::string printed_value(const key& k, const field& f) {
  if (k.has_password) return toml_string(mask_password(**std::get_if<std::string*>(&f)));
  return toml_value(k, f);
}

void print_section(std::string& out, config& c, std::string_view name, const std::string& block) {
  const std::string quoted_block = block.empty() ? "" : "." + (is_name(block, "_-") ? block : toml_string(block));
  out += (out.empty() ? "[" : "\n[") + std::string(name) + quoted_block + "]\n";
  for (const key& k : keys()) {
    if (k.section == name) out += std::string(k.name) + " = " + printed_value(k, k.in(c, block)) + "\n";
  }
}

void print_module(std::string& out, const std::string& name, const module_block& block) {
  out += (out.empty() ? "[" : "\n[") + std::string(modules_section) + "." + name + "]\n";
  for (const auto& [key, value] : block) {
    string_list texts;
    for (const auto& text : value.texts) texts.push_back(toml_string(text));
    const std::string shown = is_name(key, "_-") ? key : toml_string(key);
    out += shown + " = " + (value.list ? "[" + joined(texts) + "]" : joined(texts)) + "\n";
  }
}

void print_comment(std::string& out, std::string_view text) {
  std::string line = "#";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (line.size() + 1 + end > columns) {
      out += line + "\n";
      line = "#";
    }
    line.append(" ").append(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += line + "\n";
}

/// "Range: from 1 to 16384." or "One of: lan, wan.", empty for keys that take anything of their type.
std::string limits(const key& k, const field& f) {
  const std::string range = range_name(k, f);
  if (range.empty()) return {};
  return (k.words.empty() ? "Range: " : "Value: ") + range + ".";
}

}  // namespace

std::string print_config(const config& c) {
  config copy = c;  // the table hands out fields to write to
  copy.inherit_replicas();
  std::string out;
  for (const section& s : sections()) {
    if (s.name == modules_section) {
      for (const auto& [name, block] : c.modules) print_module(out, name, block);
      continue;
    }
    if (s.name != caches_section) {
      print_section(out, copy, s.name, {});
      continue;
    }
    for (const auto& [block, unused] : c.caches) print_section(out, copy, s.name, block);
  }
  return out;
}

std::string print_reference() {
  std::string out;
  print_comment(out, "Every key of troupe with its default. A file for a node names only what differs.");
  print_comment(out,
                "Order of precedence: these defaults, the mode (single, ha, scaled, kubernetes), the file, "
                "environment variables TROUPE_<SECTION>_<KEY>, flags (--set section.key=value).");
  print_comment(out,
                "Sizes are bytes or a number with KiB, MiB, GiB, TiB; durations a number with ms, s, m, h, d. "
                "Unknown keys are refused.");
  config defaults;
  config example;  // has a block for the keys of a cache
  example.caches["NAME"].replicas = example.cache.replicas;
  for (const section& s : sections()) {
    const bool is_caches = s.name == caches_section;
    out += "\n";
    print_comment(out, s.doc);
    const bool has_blocks = is_caches || s.name == modules_section;
    out += has_blocks ? "#[" + std::string(s.name) + ".NAME]\n" : "[" + std::string(s.name) + "]\n";
    for (const key& k : keys()) {
      if (k.section != s.name) continue;
      const field f = k.in(is_caches ? example : defaults, "NAME");
      out += "\n";
      print_comment(out, k.doc);
      if (const std::string text = limits(k, f); !text.empty()) print_comment(out, text);
      out += (is_caches ? "#" : "") + std::string(k.name) + " = " + toml_value(k, f) + "\n";
    }
  }
  return out;
}

}  // namespace troupe

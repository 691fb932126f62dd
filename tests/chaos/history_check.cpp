// Are the histories in these files linearizable? One operation a line, of any key, in any order:
//
//   KEY read|write|write_if|write_if_missed EXPECTED VALUE BEGIN_NS END_NS
//
// `-` says that nothing is there, `?` as the end that the outcome is unknown. Exit code 0: all are; 1: some are not, or
// could not be decided; 65: a file cannot be read. Usage: history_check FILE...
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/sim/linearizability.hpp"

namespace troupe::sim {
namespace {

constexpr int exit_bad_data = 65;

bool read_kind(const std::string& text, register_operation::kind& into) {
  using kind = register_operation::kind;
  if (text == "read") return into = kind::read, true;
  if (text == "write") return into = kind::write, true;
  if (text == "write_if") return into = kind::write_if, true;
  if (text == "write_if_missed") return into = kind::write_if_missed, true;
  return false;
}

std::optional<std::string> read_value(const std::string& text) {
  return text == "-" ? std::nullopt : std::optional(text);
}

bool read_line(const std::string& line, std::string& key, register_operation& o) {
  std::istringstream words(line);
  std::string what;
  std::string wanted;
  std::string value;
  std::int64_t begin = 0;
  std::string end;
  if (!(words >> key >> what >> wanted >> value >> begin >> end) || !read_kind(what, o.what)) return false;
  o.expected = read_value(wanted);
  o.value = read_value(value);
  o.begin = duration(begin);
  if (end == "?") return true;
  char* stop = nullptr;
  o.end = duration(std::strtoll(end.c_str(), &stop, 10));
  return *stop == '\0' && o.end >= o.begin;
}

int check(int files, char** names) {
  std::map<std::string, std::vector<register_operation>> histories;
  std::size_t operations = 0;
  for (int i = 0; i < files; ++i) {
    std::ifstream in(names[i]);
    if (!in) return std::fprintf(stderr, "%s: cannot be read\n", names[i]), exit_bad_data;
    for (std::string line, key; std::getline(in, line); ++operations) {
      register_operation o;
      if (!read_line(line, key, o))
        return std::fprintf(stderr, "%s: no operation: %s\n", names[i], line.c_str()), exit_bad_data;
      histories[key].push_back(std::move(o));
    }
  }
  int violations = 0;
  for (auto& [key, history] : histories) {
    const auto why = explain_history(std::move(history));
    if (why.empty()) continue;
    ++violations;
    std::printf("%s: %s\n", key.c_str(), why.c_str());
  }
  std::printf("%zu operations, %zu keys, %d violations\n", operations, histories.size(), violations);
  return violations == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace
}  // namespace troupe::sim

int main(int argc, char** argv) { return troupe::sim::check(argc - 1, argv + 1); }

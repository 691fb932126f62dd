#include "node/cli/db_verbs.hpp"

#include <cstdio>
#include <filesystem>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/db/database_admin.hpp"
#include "gateways/http/uri.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/table.hpp"

namespace troupe::cli {

namespace {

using nlohmann::json;

std::string path_of(const db_options& d, const char* verb) { return "/v1/db/" + percent_encode(d.name) + "/" + verb; }

// The node answers by then; the rest is for the way.
constexpr duration change_deadline = database_admin::backup_max + std::chrono::seconds(5);

}  // namespace

int list_databases(const remote_options& o) {
  return call_and_show(o, "GET", "/v1/db", {}, [&](const json& body) -> int {
    if (o.json) return exit_done;
    std::vector<std::vector<std::string>> rows{{"namespace", "driver", "open", "role"}};
    for (const auto& row : body.value("namespaces", json::array()))
      rows.push_back({row.value("name", ""), body.value("driver", ""), row.value("open", false) ? "yes" : "no",
                      row.value("role", "-")});
    std::fputs(format_table(rows).c_str(), stdout);
    return exit_done;
  });
}

// The node may have another working directory.
int back_up_database(const remote_options& o, const db_options& d) {
  std::error_code unknown;
  const auto file = std::filesystem::absolute(d.file, unknown).string();
  return call_and_wait(o, "POST", path_of(d, "backup"), json{{"file", unknown ? d.file : file}}.dump(),
                       change_deadline);
}

int reset_database(const remote_options& o, const db_options& d) {
  if (d.meant != d.name) {
    std::fprintf(stderr, "troupe: this drops all that %s holds: repeat its name, --i-mean-it %s\n", d.name.c_str(),
                 d.name.c_str());
    return exit_usage;
  }
  return call_and_wait(o, "POST", path_of(d, "reset"), json{{"i_mean_it", d.meant}}.dump(), change_deadline);
}

}  // namespace troupe::cli

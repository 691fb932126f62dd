// The direction of dependency between the rooms, proven by reading every #include:
// include <- runtime <- actors <- gateways <- node, and config knows only include.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace {

namespace fs = std::filesystem;

struct inclusion {
  std::string file;  // relative to the root
  std::string header;
};

bool is_source(const fs::path& path) { return path.extension() == ".hpp" || path.extension() == ".cpp"; }

std::vector<inclusion> inclusions_below(const std::string& room) {
  static const std::regex pattern(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<inclusion> found;
  const fs::path root(TROUPE_SOURCE_DIR);
  for (const auto& entry : fs::recursive_directory_iterator(root / room)) {
    if (!entry.is_regular_file() || !is_source(entry.path())) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::smatch match;
      if (std::regex_search(line, match, pattern)) {
        found.push_back({fs::relative(entry.path(), root).string(), match[1]});
      }
    }
  }
  return found;
}

bool starts_with(const std::string& text, const std::string& prefix) { return text.rfind(prefix, 0) == 0; }

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
  for (const auto& prefix : prefixes) {
    if (starts_with(text, prefix)) return true;
  }
  return false;
}

const std::vector<std::string> rooms{"config", "runtime", "actors", "gateways", "node"};

TEST(rooms, each_includes_only_the_rooms_below_it) {
  const std::map<std::string, std::set<std::string>> may_know{
      {"include", {}},
      {"config", {"config"}},
      {"runtime", {"runtime"}},
      {"actors", {"runtime", "actors"}},
      {"gateways", {"runtime", "actors", "gateways"}},
      {"node", {"config", "runtime", "actors", "gateways", "node"}},
  };
  for (const auto& [room, allowed] : may_know) {
    for (const auto& i : inclusions_below(room)) {
      for (const auto& other : rooms) {
        if (starts_with(i.header, other + "/") && allowed.count(other) == 0) {
          ADD_FAILURE() << i.file << " includes " << i.header << ", which is above it";
        }
      }
    }
  }
}

// Which folders may see a library: the header's prefix, then the paths.
TEST(rooms, each_library_is_seen_only_where_it_belongs) {
  const std::map<std::string, std::vector<std::string>> homes{
      {"caf/", {"actors/", "include/troupe/caf"}},
      {"boost/beast", {"gateways/http/", "gateways/kvs/etcd", "actors/asio_impl.cpp"}},
      {"libpq-fe.h", {"gateways/db/libpq"}},
      {"SQLiteCpp/", {"gateways/db/sqlite"}},
      {"hiredis/", {"gateways/kvs/redis"}},
      {"libmemcached/", {"gateways/kvs/libmemcached"}},
      {"toml++/", {"config/"}},
      {"CLI/", {"node/"}},
      {"prometheus/", {"actors/metrics"}},
      {"spdlog/", {"actors/log"}},
      {"ares.h", {"actors/net/name_resolver"}},
      {"openssl/", {"actors/net/", "actors/link/"}},
  };
  for (const auto& room : {"include", "config", "runtime", "actors", "gateways", "node"}) {
    for (const auto& i : inclusions_below(room)) {
      for (const auto& [library, paths] : homes) {
        if (starts_with(i.header, library)) {
          EXPECT_TRUE(starts_with_any(i.file, paths)) << i.file << " includes " << i.header;
        }
      }
    }
  }
}

TEST(rooms, pure_code_has_no_socket_thread_clock_or_lock) {
  const std::set<std::string> impure{"thread", "mutex",   "shared_mutex", "condition_variable",
                                     "future", "fstream", "sys/socket.h", "unistd.h",
                                     "random"};
  for (const auto& i : inclusions_below("runtime")) {
    EXPECT_EQ(impure.count(i.header), 0u) << i.file << " includes " << i.header;
    EXPECT_FALSE(starts_with_any(i.header, {"boost/", "caf/", "spdlog/"})) << i.file << " includes " << i.header;
  }
}

TEST(rooms, no_public_header_shows_a_generated_or_private_one) {
  for (const auto& i : inclusions_below("include")) {
    EXPECT_EQ(i.header.find(".pb.h"), std::string::npos) << i.file;
    EXPECT_FALSE(starts_with_any(i.header, {"boost/", "spdlog/", "prometheus/", "nlohmann/"})) << i.file;
  }
}

TEST(rooms, no_file_is_longer_than_four_hundred_lines) {
  for (const auto& room : {"include", "config", "runtime", "actors", "gateways", "node"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(TROUPE_SOURCE_DIR) / room)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      std::ifstream file(entry.path());
      int lines = 0;
      for (std::string line; std::getline(file, line);) ++lines;
      EXPECT_LE(lines, 400) << entry.path();
    }
  }
}

}  // namespace

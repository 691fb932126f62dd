// The program `troupe`: the command line is declared here, each verb lives in node/cli.
#include <cstdio>

#include <CLI/CLI.hpp>

#include <troupe/config.hpp>
#include <troupe/version.hpp>

#include "node/cli/backup_verbs.hpp"
#include "node/cli/db_verbs.hpp"
#include "node/cli/exit_code.hpp"
#include "node/cli/keyring_verbs.hpp"
#include "node/cli/leader_verbs.hpp"
#include "node/cli/lock_verbs.hpp"
#include "node/cli/node_flags.hpp"
#include "node/cli/remote_verbs.hpp"
#include "node/cli/run_dev.hpp"
#include "node/cli/run_node.hpp"
#include "node/cli/talk_verbs.hpp"
#include "node/entity_model_file.hpp"

namespace troupe::cli {

namespace {

// The last of what `config check` looks at.
int check_entity_model(const config& c, const std::string& file) {
  if (!c.entities.model.empty()) {
    const auto model = read_entity_model(c.entities.model);
    if (!model) {
      std::fprintf(stderr, "%s\n", model.error().context.c_str());
      return exit_bad_config;
    }
    for (const auto& warning : model->warnings)
      std::fprintf(stderr, "%s: warning: %s\n", c.entities.model.c_str(), warning.c_str());
    const auto faults = faults_of_switches(model->model, c.entities);
    for (const auto& fault : faults) std::fprintf(stderr, "%s\n", fault.c_str());
    if (!faults.empty()) return exit_bad_config;
  }
  std::printf("%s: ok\n", file.c_str());
  return exit_done;
}

// The verbs of one program run: CLI11 fills the options, then calls exactly one action.
class command_line {
 public:
  explicit command_line(std::string program)
      : program_(std::move(program)), app_("a clustered actor runtime", "troupe") {
    app_.require_subcommand(1);
    app_.set_version_flag("--version", std::string("troupe ") + library_version());
    add_node();
    add_config();
    add_remote_verbs();
    add_leader_verbs();
    add_lock_verbs();
    add_cache_verbs();
    add_backup_verbs();
    add_keyring_verbs();
    add_db_verbs();
    add_entity_verbs();
    add_talk_verbs();
    auto* dev = verb("dev", "a whole cluster in one process on loopback", [this] { return run_dev(dev_nodes_); });
    dev->add_option("--nodes", dev_nodes_, "how many nodes")->check(CLI::Range(1, 99))->take_last();
    verb("version", "print the version", [] {
      std::printf("troupe %s\n", library_version());
      return exit_done;
    });
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
      return app_.exit(e) == 0 ? exit_done : exit_usage;
    }
    return exit_code_;
  }

 private:
  template <class Action>
  CLI::App* add_verb(CLI::App& parent, const char* name, const char* help, Action action) {
    auto* sub = parent.add_subcommand(name, help);
    sub->callback([this, action] { exit_code_ = action(); });
    return sub;
  }

  template <class Action>
  CLI::App* verb(const char* name, const char* help, Action action) {
    return add_verb(app_, name, help, action);
  }

  // Runs `action` with the configuration layers, or says why the flags make none.
  template <class Action>
  int with_sources(Action action) {
    const auto sources = flags_.sources();
    if (sources) return action(*sources);
    std::fprintf(stderr, "troupe: %s\n", sources.error().context.c_str());
    return exit_usage;
  }

  void add_node() {
    auto* node = verb("node", "run a node", [this] {
      return with_sources([this](const config_sources& s) { return run_node(s, program_); });
    });
    flags_.add_to(*node);
  }

  void add_config() {
    auto* config = app_.add_subcommand("config", "check or print a configuration");
    config->require_subcommand(1);
    auto* check = add_verb(*config, "check", "check a file and list every fault", [this] {
      return with_sources([](const config_sources& s) -> int {
        const auto loaded = load_config(s);
        if (!loaded) {
          std::fprintf(stderr, "%s\n", loaded.error().context.c_str());
          return exit_bad_config;
        }
        return check_entity_model(*loaded, s.file);
      });
    });
    check->add_option("file", flags_.config_file, "the file")->required();
    auto* print = add_verb(*config, "print", "print the effective configuration", [this] {
      return with_sources([](const config_sources& s) {
        const auto loaded = load_config(s);
        if (loaded)
          std::fputs(print_config(*loaded).c_str(), stdout);
        else
          std::fprintf(stderr, "%s\n", loaded.error().context.c_str());
        return loaded ? exit_done : exit_bad_config;
      });
    });
    flags_.add_to(*print);
  }

  void add_remote_verbs() {
    struct entry {
      const char* name;
      const char* help;
      int (*action)(const remote_options&);
    };
    for (const entry e : {entry{"members", "the members of the cluster", show_members},
                          entry{"health", "green, or what is wrong (exit code 1)", show_health},
                          entry{"shards", "where each shard lives", show_shards},
                          entry{"services", "the services and their states", show_services},
                          entry{"info", "the cluster in short", show_info},
                          entry{"leave", "make the node depart gracefully", ask_to_leave}}) {
      auto* sub = verb(e.name, e.help, [this, action = e.action] { return action(remote_); });
      add_remote_options(*sub);
      sub->add_flag("--json", remote_.json, "print the node's JSON");
    }
    auto* why = verb("why", "why a service or a module does not run (exit code 1: it does not)",
                     [this] { return show_why(remote_, service_); });
    add_remote_options(*why);
    why->add_option("name", service_, "the service, the module, or what a module exports")->required();
    why->add_flag("--json", remote_.json, "print the node's JSON");
    auto* force =
        verb("force-leave", "declare a failed member departed", [this] { return force_to_leave(remote_, member_); });
    add_remote_options(*force);
    force->add_option("name", member_, "the member's name")->required();
    force->add_flag("--json", remote_.json, "print the node's JSON");
  }

  void add_leader_verbs() {
    auto* shown = app_.add_subcommand("leader", "the leader, its term, since when and why");
    auto* transfer = add_verb(*shown, "transfer", "hand the lead to a member; the old leader leads until it is ready",
                              [this] { return transfer_lead(remote_, leader_); });
    auto* resign = add_verb(*shown, "resign", "hand the lead to the highest-ranked other member",
                            [this] { return resign_lead(remote_); });
    shown->callback([this, transfer, resign] {
      if (transfer->count() + resign->count() == 0) exit_code_ = show_leader(remote_, leader_);
    });
    shown->add_flag("--watch", leader_.watch, "go on, and print each change");
    shown->add_option("--count", leader_.count, "with --watch: end after so many changes");
    transfer->add_option("name", leader_.to, "the member's name")->required();
    for (auto* sub : {shown, transfer, resign}) {
      add_remote_options(*sub);
      sub->add_flag("--json", remote_.json, "print the node's JSON");
    }
  }

  void add_lock_verbs() {
    auto* list = verb("locks", "who holds which lock, semaphore and role", [this] { return show_locks(remote_); });
    auto* take = verb("lock", "take a lock and print its token (exit code 1: others hold it)",
                      [this] { return take_lock(remote_, lock_); });
    auto* release = verb("unlock", "let go of a lock", [this] { return release_lock(remote_, lock_); });
    take->add_option("name", lock_.name, "the lock's name")->required();
    take->add_option("--ttl", lock_.ttl, "held so long unless renewed, 1s to 10m");
    take->add_option("--wait", lock_.wait, "for others to let go, at most 60s");
    take->add_option("--permits", lock_.permits, "a semaphore of so many");
    take->add_option("--renew", lock_.token, "renew the hold of this token, at the node that gave it");
    release->add_option("name", lock_.name, "the lock's name")->required();
    release->add_option("token", lock_.token, "what lock printed")->required();
    for (auto* sub : {list, take, release}) {
      add_remote_options(*sub);
      sub->add_flag("--json", remote_.json, "print the node's JSON");
    }
  }

  void add_cache_verbs() {
    auto* get = verb("get", "print a value", [this] { return get_value(remote_, cache_); });
    auto* del = verb("del", "delete a value", [this] { return delete_value(remote_, cache_); });
    auto* set = app_.add_subcommand("set", "store a value");
    for (auto* sub : {get, set, del}) {
      add_remote_options(*sub);
      sub->add_option("key", cache_.key, "the key")->required();
      sub->add_option("--cache", cache_.cache, "the cache");
    }
    auto* drop = verb("drop", "drop all values of a cache", [this] { return drop_values(remote_, cache_); });
    add_remote_options(*drop);
    drop->add_option("cache", cache_.cache, "the cache")->required();
    drop->add_option("--i-mean-it", cache_.meant, "its name once more");
    get->add_flag("--raw", cache_.raw, "the bytes alone, without a newline");
    auto* value = set->add_option("value", cache_.value, "the value (default: standard input)");
    set->add_option("--ttl", cache_.ttl, "time to live, e.g. 30s");
    set->callback([this, value] {
      cache_.value_from_stdin = value->count() == 0;
      exit_code_ = set_value(remote_, cache_);
    });
  }

  void add_backup_verbs() {
    auto* backup = verb("backup", "all caches of the cluster into a file (- for standard output)",
                        [this] { return back_up(remote_, backup_); });
    auto* restore = verb("restore", "a backup's entries back into the caches (- for standard input)",
                         [this] { return restore_backup(remote_, backup_); });
    for (auto* sub : {backup, restore}) {
      add_remote_options(*sub);
      sub->add_option("file", backup_.file, "the file")->required();
      sub->add_option("--cache", backup_.caches, "only this cache; may be repeated")->allow_extra_args(false);
    }
    restore->add_flag("--dry-run", backup_.dry_run, "check the file and count, write nothing");
  }

  void add_keyring_verbs() {
    auto* ring = app_.add_subcommand("keyring", "the keys of the cluster's gossip");
    ring->require_subcommand(1);
    struct entry {
      const char* name;
      const char* help;
      int (*action)(const remote_options&, const std::string&);
    };
    auto* list = add_verb(*ring, "list", "fingerprints, which is primary, how many have it",
                          [this] { return list_keyring(remote_); });
    add_ring_options(*list);
    for (const entry e : {entry{"install", "add a key (base64 of 32 bytes) at every member", install_key},
                          entry{"use", "seal with an installed key from now on", use_key},
                          entry{"remove", "remove a key that is not the primary", remove_key}}) {
      auto* sub = add_verb(*ring, e.name, e.help, [this, action = e.action] { return action(remote_, ring_key_); });
      add_ring_options(*sub);
      sub->add_option("key", ring_key_, "the key; for use and remove also its fingerprint")->required();
    }
  }

  void add_db_verbs() {
    auto* db = app_.add_subcommand("db", "the databases of the node");
    db->require_subcommand(1);
    auto* list = add_verb(*db, "list", "the namespaces that are open", [this] { return list_databases(remote_); });
    auto* backup = add_verb(*db, "backup", "copy a namespace into a new file on the node's host",
                            [this] { return back_up_database(remote_, db_); });
    auto* reset =
        add_verb(*db, "reset", "drop all that a namespace holds", [this] { return reset_database(remote_, db_); });
    for (auto* sub : {backup, reset}) sub->add_option("name", db_.name, "the namespace")->required();
    backup->add_option("file", db_.file, "the file to make")->required();
    reset->add_option("--i-mean-it", db_.meant, "the namespace once more");
    for (auto* sub : {list, backup, reset}) add_ring_options(*sub);
  }

  void add_entity_verbs() {
    auto* entities = app_.add_subcommand("entities", "which entities the node serves; troupe services shows them");
    entities->require_subcommand(1);
    auto* on = add_verb(*entities, "on", "serve an entity", [this] { return turn_entity(remote_, entity_, true); });
    auto* off = add_verb(*entities, "off", "serve it no more: its requests are forwarded; until the node restarts",
                         [this] { return turn_entity(remote_, entity_, false); });
    for (auto* sub : {on, off}) {
      add_remote_options(*sub);
      sub->add_option("name", entity_, "the entity")->required();
    }
  }

  void add_ring_options(CLI::App& sub) {
    add_remote_options(sub);
    sub.add_flag("--json", remote_.json, "print the node's JSON");
  }

  void add_talk_verbs() {
    auto* tags = app_.add_subcommand("tags", "the tags of the node");
    auto* set = add_verb(*tags, "set", "change tags until the node ends: NAME=VALUE ..., --delete NAME",
                         [this] { return change_tags(remote_, talk_); });
    tags->callback([this, set] {
      if (set->count() == 0) exit_code_ = show_tags(remote_);
    });
    set->add_option("tag", talk_.set_tags, "NAME=VALUE");
    set->add_option("--delete", talk_.delete_tags, "a tag to delete; may be repeated")->allow_extra_args(false);
    auto* say = verb("event", "say a user event to all members", [this] { return say_event(remote_, talk_); });
    auto* ask = verb("query", "ask the members, a line each", [this] { return ask_members(remote_, talk_); });
    for (auto* sub : {say, ask}) {
      sub->add_option("name", talk_.name, "its name")->required();
      sub->add_option("payload", talk_.payload, "at most 512 bytes");
    }
    ask->add_option("--tag", talk_.tags, "NAME=VALUE: only members with it; may be repeated")->allow_extra_args(false);
    ask->add_option("--service", talk_.service, "only members that run it");
    ask->add_option("--timeout", talk_.timeout, "how long to wait, e.g. 2s");
    auto* rtt =
        verb("rtt", "the estimated round trip of two members", [this] { return show_round_trip(remote_, talk_); });
    rtt->add_option("a", talk_.a, "a member")->required();
    rtt->add_option("b", talk_.b, "another")->required();
    for (auto* sub : {tags, set, say, ask, rtt}) {
      add_remote_options(*sub);
      sub->add_flag("--json", remote_.json, "print the node's JSON");
    }
  }

  void add_remote_options(CLI::App& sub) { sub.add_option("--http", remote_.url, "the node, http://HOST:PORT"); }

  std::string program_;
  CLI::App app_;
  node_flags flags_;
  remote_options remote_;
  cache_options cache_;
  leader_options leader_;
  lock_options lock_;
  backup_options backup_;
  std::string ring_key_;
  db_options db_;
  std::string entity_;
  std::string member_;
  std::string service_;
  talk_options talk_;
  std::size_t dev_nodes_ = 3;
  int exit_code_ = exit_done;
};

}  // namespace

}  // namespace troupe::cli

int main(int argc, char** argv) { return troupe::cli::command_line(argc > 0 ? argv[0] : "troupe").run(argc, argv); }

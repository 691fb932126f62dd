// A chat over topics: a room is a topic, who is in it subscribes at his own node, and the last word of a room is kept
// for who comes later. README.md says how to talk from two terminals; without arguments two nodes talk to themselves.
#include <atomic>
#include <cstdio>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include <troupe/caf_actors.hpp>
#include <troupe/node.hpp>

#include <caf/event_based_actor.hpp>

namespace {

using namespace std::chrono_literals;

std::atomic<int> shown{0};  // lines, of all rooms

void show(const std::string& at, const std::string& line) {
  std::printf("%s\n", ("[" + at + "] " + line).c_str());
  std::fflush(stdout);
  ++shown;
}

// What a room sends: who said it (nobody: a note) and what.
caf::behavior listener(caf::event_based_actor*, const std::string& at, const std::string& room) {
  return {[at, room](const std::string& who, const std::string& text) {
            show(at, room + (who.empty() ? " * " + text : " <" + who + "> " + text));
          },
          [at, room](const troupe::topic_gap& gap) {
            if (gap.missed > 0) show(at, room + " * " + std::to_string(gap.missed) + " lines are missing");
            if (gap.late) show(at, room + " * the next line is older");
          }};
}

// One person at one node.
class chatter {
 public:
  static std::optional<chatter> start(const std::string& name, const std::string& bind, const std::string& seed) {
    troupe::config settings;
    settings.node.name = name;
    settings.node.services = {"cache"};  // a node runs something
    settings.node.data_dir = "./chat-data/" + name;
    settings.cluster.name = "chat";
    settings.cluster.bind = bind;
    if (!seed.empty()) settings.cluster.seeds = {seed};
    settings.gossip.profile = "local";
    settings.cache.shards = 16;
    settings.log.level = "error";
    troupe::node_options brings;
    brings.actors.emplace().threads = 1;
    auto node = troupe::node::start(settings, std::move(brings));
    if (node) return chatter(name, std::move(*node));
    std::fprintf(stderr, "%s\n", describe(node.error()).c_str());
    return {};
  }

  [[nodiscard]] std::string address() const { return node_.addresses().cluster; }
  [[nodiscard]] std::size_t heads(const std::string& room) { return topics().subscribers(topic_of(room)); }

  bool enter(const std::string& room) {
    if (rooms_.count(room) > 0) return true;
    const auto who = node_.actors().system().spawn(listener, name_, room);
    if (const auto done = topics().subscribe(who, topic_of(room)); !done) return complain(done.error());
    rooms_.emplace(room, who);
    note(room, name_ + " is here");
    return true;
  }

  void exit(const std::string& room) {
    const auto there = rooms_.find(room);
    if (there == rooms_.end()) return;
    topics().unsubscribe(there->second, topic_of(room));
    rooms_.erase(there);
    note(room, name_ + " has left");
  }

  // Retained: whoever comes later sees the room's last word first.
  bool say(const std::string& room, const std::string& text) {
    const auto sent = topics().publish(topic_of(room), caf::make_message(name_, text), {.retain = true});
    return sent ? true : complain(sent.error());
  }

  // A crash says nothing: membership does.
  void watch_members() {
    node_.on_event([name = name_](const troupe::event& e) {
      if (e.kind == "member_failed") show(name, "* " + e.fields.front().second + " is gone");
    });
  }

  void leave() {
    while (!rooms_.empty()) exit(rooms_.begin()->first);
    (void)node_.leave();
  }

 private:
  chatter(std::string name, troupe::node node) : name_(std::move(name)), node_(std::move(node)) {}

  static std::string topic_of(const std::string& room) { return "room/" + room; }
  troupe::topics& topics() { return node_.actors().topics(); }
  void note(const std::string& room, const std::string& text) {
    (void)topics().publish(topic_of(room), caf::make_message(std::string(), text));
  }
  bool complain(const troupe::error& e) {
    show(name_, "* " + describe(e));
    return false;
  }

  std::string name_;
  troupe::node node_;
  std::map<std::string, caf::actor> rooms_;  // ends before the node
};

bool eventually(const auto& holds) {
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// Two nodes in this process, for the test and for a first look.
int demonstrate() {
  auto ann = chatter::start("ann", "127.0.0.1:0", {});
  if (!ann || !ann->enter("lobby")) return 1;
  auto bob = chatter::start("bob", "127.0.0.1:0", ann->address());
  if (!bob || !eventually([&] { return bob->heads("lobby") == 1; })) return 1;
  if (!ann->say("lobby", "anybody here?") || !eventually([] { return shown == 2; })) return 1;
  if (!bob->enter("lobby") || !eventually([&] { return ann->heads("lobby") == 2; })) return 1;
  // The last word and bob's note at bob's, the note at ann's; perhaps a gap before a word that came late.
  if (!eventually([] { return shown >= 5; })) return 1;
  const int before = shown;
  if (!bob->say("lobby", "yes, me") || !ann->say("lobby", "hello bob")) return 1;
  if (!eventually([&] { return shown >= before + 4; })) return 1;
  bob->leave();
  bob.reset();
  if (!eventually([&] { return shown >= before + 5; })) return 1;
  std::printf("alone again: %s\n", eventually([&] { return ann->heads("lobby") == 1; }) ? "yes" : "no");
  ann->leave();
  return 0;
}

int talk(const std::map<std::string, std::string>& flags) {
  const auto flag = [&](const std::string& name, const std::string& otherwise) {
    const auto at = flags.find(name);
    return at == flags.end() ? otherwise : at->second;
  };
  auto me = chatter::start(flag("--name", "ann"), flag("--bind", "127.0.0.1:0"), flag("--seed", ""));
  if (!me) return 1;
  me->watch_members();
  std::printf("others join with --seed %s\n/join ROOM, /leave ROOM, /quit; all else is said in the room joined last\n",
              me->address().c_str());
  std::string room = flag("--room", "lobby");
  me->enter(room);
  for (std::string line; std::getline(std::cin, line) && line != "/quit";) {
    if (line.starts_with("/join ")) {
      if (me->enter(line.substr(6))) room = line.substr(6);
    } else if (line.starts_with("/leave ")) {
      me->exit(line.substr(7));
    } else if (!line.empty()) {
      me->say(room, line);
    }
  }
  me->leave();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 1) return demonstrate();
  std::map<std::string, std::string> flags;
  for (int i = 1; i + 1 < argc; i += 2) flags[argv[i]] = argv[i + 1];
  if (argc % 2 == 1) return talk(flags);
  std::fprintf(stderr, "usage: chat [--name NAME] [--bind HOST:PORT] [--seed HOST:PORT] [--room ROOM]\n");
  return 64;
}

// The handlers behind the command table, by the file they stand in.
#pragma once

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

class connection;

// commands_connection.cpp
void run_auth(connection& c, const arguments& words);
void run_client_getname(connection& c, const arguments& words);
void run_client_id(connection& c, const arguments& words);
void run_client_setinfo(connection& c, const arguments& words);
void run_client_setname(connection& c, const arguments& words);
void run_echo(connection& c, const arguments& words);
void run_hello(connection& c, const arguments& words);
void run_ping(connection& c, const arguments& words);
void run_quit(connection& c, const arguments& words);
void run_reset(connection& c, const arguments& words);
void run_select(connection& c, const arguments& words);

// commands_strings.cpp
void run_get(connection& c, const arguments& words);
void run_set(connection& c, const arguments& words);

// commands_keys.cpp
void run_dbsize(connection& c, const arguments& words);
void run_del(connection& c, const arguments& words);
void run_exists(connection& c, const arguments& words);
void run_pttl(connection& c, const arguments& words);
void run_ttl(connection& c, const arguments& words);

// commands_server.cpp
void run_command(connection& c, const arguments& words);
void run_command_count(connection& c, const arguments& words);
void run_command_docs(connection& c, const arguments& words);
void run_command_info(connection& c, const arguments& words);
void run_command_list(connection& c, const arguments& words);
void run_config_get(connection& c, const arguments& words);
void run_info(connection& c, const arguments& words);

}  // namespace troupe::resp

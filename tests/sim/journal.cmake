add_library(troupe_sim_journal STATIC journal_database.cpp journal_stage.cpp)
troupe_compile_options(troupe_sim_journal)
target_link_libraries(troupe_sim_journal PUBLIC troupe_sim troupe_runtime troupe_wire SQLiteCpp)
troupe_test(journal_sim LABEL sim TIMEOUT 300 ROOMS config runtime actors SOURCES journal_sim_test.cpp
  ${PROJECT_SOURCE_DIR}/gateways/db/sqlite_driver.cpp ${PROJECT_SOURCE_DIR}/gateways/db/sqlite_session.cpp
  ${PROJECT_SOURCE_DIR}/gateways/db/sqlite_upkeep.cpp LIBRARIES troupe_sim_journal SQLiteCpp)

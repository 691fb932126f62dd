#!/usr/bin/env escript
%% Erlang's half of link_bench: two of its nodes over loopback, without epmd (-erl_epmd_port says where the server is).
%%
%%   erlang_side.escript server          prints "ready"; ends at the end of its input
%%   erlang_side.escript client          "requests COUNT WINDOW" and "one_way COUNT" a line; answers seconds
-mode(compile).

-define(payload, binary:copy(<<"x">>, 100)).

main(["server"]) ->
    register(echo, spawn(fun() -> echo(0) end)),
    io:format("ready~n"),
    _ = io:get_line(""),
    halt(0);
main(["client"]) ->
    client({echo, 'server@127.0.0.1'}).

echo(Seen) ->
    receive
        {ask, From, Ref, Payload} -> From ! {Ref, Payload}, echo(Seen);
        {one_way, _} -> echo(Seen + 1);
        {seen, From} -> From ! {seen, Seen}, echo(0)
    end.

client(Echo) ->
    case io:get_line("") of
        eof -> halt(0);
        Line ->
            {Microseconds, ok} = timer:tc(fun() -> run(string:lexemes(Line, " \n"), Echo) end),
            io:format("~.6f~n", [Microseconds / 1.0e6]),
            client(Echo)
    end.

run(["requests", Count, Window], Echo) ->
    Payload = ?payload,
    First = min(list_to_integer(Count), list_to_integer(Window)),
    [ask(Echo, Payload) || _ <- lists:seq(1, First)],
    answers(Echo, Payload, list_to_integer(Count) - First, list_to_integer(Count));
run(["one_way", Count], Echo) ->
    Payload = ?payload,
    Sent = list_to_integer(Count),
    [Echo ! {one_way, Payload} || _ <- lists:seq(1, Sent)],
    Echo ! {seen, self()},
    receive {seen, Sent} -> ok end.

%% As with a request of an actor: each has a reference of its own, and its answer is taken by that.
ask(Echo, Payload) ->
    Echo ! {ask, self(), make_ref(), Payload}.

answers(_, _, _, 0) -> ok;
answers(Echo, Payload, Unsent, Unanswered) ->
    receive {_, _} -> ok end,
    case Unsent of
        0 -> answers(Echo, Payload, 0, Unanswered - 1);
        _ -> ask(Echo, Payload), answers(Echo, Payload, Unsent - 1, Unanswered - 1)
    end.

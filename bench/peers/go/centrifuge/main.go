// A room server on the Go library centrifuge, with its memory engine, or with its Redis engine if a Redis port is given.
// Channels keep the last 1,000 messages for an hour, and clients can recover from them.
//
// What it lacks: the history is a cache, gone with the process (memory) or with Redis as we run it; a client's publish has no
// key, so sending again doubles; no users, permissions or limits; a slow client is disconnected at 1 MB.
package main

import (
	"context"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/centrifugal/centrifuge"
)

const kept, keptFor = 1000, time.Hour

func main() {
	node, err := centrifuge.New(centrifuge.Config{})
	check(err)
	if len(os.Args) > 2 {
		shard, err := centrifuge.NewRedisShard(node, centrifuge.RedisShardConfig{Address: "127.0.0.1:" + os.Args[2]})
		check(err)
		broker, err := centrifuge.NewRedisBroker(node, centrifuge.RedisBrokerConfig{Shards: []*centrifuge.RedisShard{shard}})
		check(err)
		node.SetBroker(broker)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{UserID: "anybody"}}, nil
	})
	node.OnConnect(func(client *centrifuge.Client) {
		client.OnSubscribe(func(_ centrifuge.SubscribeEvent, done centrifuge.SubscribeCallback) {
			done(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true}}, nil)
		})
		client.OnPublish(func(event centrifuge.PublishEvent, done centrifuge.PublishCallback) {
			result, err := node.Publish(event.Channel, event.Data, centrifuge.WithHistory(kept, keptFor))
			done(centrifuge.PublishReply{Result: &result}, err)
		})
	})
	check(node.Run())
	http.Handle("/", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{}))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

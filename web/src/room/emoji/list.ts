// The emoji that can be found by name, in English and Korean. Loaded when a picker opens; all others are on the device's own keyboard.

import type { Named } from "./EmojiPicker";

const LINES = `
😀 grinning face|웃는 얼굴
😃 big smile|활짝 웃음
😄 smiling eyes|눈웃음
😁 beaming|싱글벙글
😆 laughing|깔깔 웃음
😅 sweat smile|식은땀 웃음
🤣 rolling laughing|데굴데굴 웃음
😂 tears of joy|눈물 나게 웃김
🙂 slight smile|살짝 미소
🙃 upside down|거꾸로
😉 wink|윙크
😊 blush|수줍은 미소
😇 angel|천사
🥰 in love|사랑에 빠짐
😍 heart eyes|하트 눈
🤩 star struck|반짝반짝
😘 kiss|뽀뽀
😋 yummy|맛있다
😛 tongue|메롱
😜 winking tongue|윙크 메롱
🤪 zany|엉뚱
🤗 hug|안아 줄게
🤭 giggle|킥킥
🤫 hush|쉿
🤔 thinking|생각 중
🤐 zipped mouth|비밀
🤨 raised eyebrow|갸우뚱
😐 neutral|무표정
😑 expressionless|할 말 없음
😶 no mouth|말없음
😏 smirk|능글
😒 unamused|시큰둥
🙄 rolling eyes|눈 굴리기
😬 grimace|어색
😌 relieved|안도
😔 sad thoughtful|시무룩
😪 sleepy|졸림
🤤 drool|침 흘림
😴 asleep|잠
😷 mask|마스크
🤒 fever|열
🤕 hurt bandage|다침
🤢 sick|메스꺼움
🤧 sneeze|재채기
🥵 hot|더움
🥶 cold|추움
🥴 dizzy woozy|어질어질
🤯 mind blown|머리 터짐
🤠 cowboy|카우보이
🥳 party face|축하 파티
😎 cool sunglasses|멋짐 선글라스
🤓 nerd|모범생
🧐 monocle|자세히 보기
😕 confused|헷갈림
😟 worried|걱정
🙁 frown|찡그림
😮 wow open mouth|놀람
😯 hushed|어머
😲 astonished|깜짝
😳 flushed|당황
🥺 pleading|애원
😦 anguished|괴로움
😨 fearful|무서움
😰 anxious|불안
😢 crying|눈물
😭 sobbing|엉엉
😱 scream|비명
😖 confounded|으윽
😞 disappointed|실망
😓 sweat|진땀
😩 weary|지침
😫 tired|피곤
🥱 yawn|하품
😤 huff triumph|흥
😡 angry red|화남
😠 angry|짜증
🤬 swearing|욕
😈 devil|악마
💀 skull|해골
💩 poop|똥
🤡 clown|광대
👻 ghost|유령
👽 alien|외계인
🤖 robot|로봇
😺 cat smile|웃는 고양이
😻 cat heart eyes|하트 고양이
🙈 see no evil monkey|안 봐요 원숭이
🙉 hear no evil monkey|안 들려요 원숭이
🙊 speak no evil monkey|말 안 해요 원숭이
💋 lips kiss|입술
💌 love letter|연애편지
💘 heart arrow|화살 하트
💝 heart ribbon|리본 하트
💖 sparkling heart|반짝 하트
💗 growing heart|커지는 하트
💕 two hearts|하트 두 개
💔 broken heart|깨진 하트
❤️ red heart|빨간 하트 사랑
🧡 orange heart|주황 하트
💛 yellow heart|노란 하트
💚 green heart|초록 하트
💙 blue heart|파란 하트
💜 purple heart|보라 하트
🖤 black heart|검은 하트
🤍 white heart|하얀 하트
💯 hundred|백점
💢 anger|빠직
💥 boom collision|쾅
💫 dizzy star|어지러움
💦 sweat drops|물방울
💨 dash|휙
💬 speech|말풍선
💭 thought|생각 풍선
💤 zzz sleep|쿨쿨
👋 wave hello|안녕 손 흔들기
🤚 back of hand|손등
✋ raised hand|손 들기
🖖 vulcan|장수와 번영
👌 ok hand|오케이
🤏 pinch little|조금
✌️ victory|브이
🤞 fingers crossed|행운을
🤟 love you|사랑해
🤘 rock horns|록
🤙 call me|전화해
👈 point left|왼쪽
👉 point right|오른쪽
👆 point up|위
👇 point down|아래
👍 thumbs up|좋아요 엄지
👎 thumbs down|싫어요
✊ raised fist|주먹
👊 punch|주먹 인사
👏 clap|박수
🙌 hands up hooray|만세
👐 open hands|두 손
🤲 palms|손바닥
🤝 handshake|악수
🙏 please thanks pray|부탁 고마워요
✍️ writing|쓰기
💅 nails|매니큐어
💪 strong muscle|힘 근육
👂 ear|귀
👀 eyes look|보고 있어요 눈
👁️ eye|눈
🧠 brain|뇌
🫡 salute|경례
🫶 heart hands|손 하트
🙋 raising hand|저요
🙆 ok gesture|오케이 몸짓
🙅 no gesture|안 돼요
🤷 shrug|글쎄
🤦 facepalm|이마 짚기
🙇 bow|절
💁 info|안내
🧑‍💻 developer|개발자
🧑‍🎓 student|학생
🧑‍🏫 teacher|선생님
🧑‍🍳 cook|요리사
🧑‍🎨 artist|화가
🧑‍🚀 astronaut|우주 비행사
🕵️ detective|탐정
👮 police|경찰
👶 baby|아기
👧 girl|여자아이
👦 boy|남자아이
👩 woman|여자
👨 man|남자
👵 grandmother|할머니
👴 grandfather|할아버지
👨‍👩‍👧 family|가족
🏃 running|달리기
🚶 walking|걷기
💃 dancing|춤
🧘 meditation yoga|명상
🐶 dog|강아지
🐱 cat|고양이
🐭 mouse|쥐
🐹 hamster|햄스터
🐰 rabbit|토끼
🦊 fox|여우
🐻 bear|곰
🐼 panda|판다
🐨 koala|코알라
🐯 tiger|호랑이
🦁 lion|사자
🐮 cow|소
🐷 pig|돼지
🐸 frog|개구리
🐵 monkey|원숭이
🐔 chicken|닭
🐧 penguin|펭귄
🐦 bird|새
🐤 chick|병아리
🦆 duck|오리
🦅 eagle|독수리
🦉 owl|부엉이
🐺 wolf|늑대
🐴 horse|말
🦄 unicorn|유니콘
🐝 bee|벌
🐛 bug|벌레
🦋 butterfly|나비
🐌 snail|달팽이
🐞 ladybug|무당벌레
🐢 turtle|거북
🐍 snake|뱀
🦖 dinosaur|공룡
🐙 octopus|문어
🦐 shrimp|새우
🐟 fish|물고기
🐬 dolphin|돌고래
🐳 whale|고래
🦈 shark|상어
🐘 elephant|코끼리
🦒 giraffe|기린
🐑 sheep|양
🦙 llama|라마
🐾 paw prints|발자국
🌵 cactus|선인장
🎄 christmas tree|크리스마스트리
🌲 tree|나무
🌴 palm tree|야자수
🌱 seedling sprout|새싹
🌿 herb|풀
🍀 four leaf clover luck|네잎클로버 행운
🍁 maple leaf autumn|단풍
🍂 fallen leaves|낙엽
🌾 rice plant|벼
💐 bouquet|꽃다발
🌷 tulip|튤립
🌹 rose|장미
🌸 cherry blossom|벚꽃
🌼 blossom|꽃
🌻 sunflower|해바라기
🌍 earth|지구
🌕 full moon|보름달
🌙 moon|달
⭐ star|별
🌟 glowing star|빛나는 별
✨ sparkles|반짝임
⚡ lightning|번개
☄️ comet|혜성
🔥 fire|불
🌈 rainbow|무지개
☀️ sun|해
⛅ partly cloudy|구름 조금
☁️ cloud|구름
🌧️ rain|비
⛈️ thunderstorm|천둥
❄️ snowflake|눈송이
⛄ snowman|눈사람
☔ umbrella rain|우산
🌊 wave sea|파도
🍎 apple|사과
🍐 pear|배
🍊 tangerine orange|귤
🍋 lemon|레몬
🍌 banana|바나나
🍉 watermelon|수박
🍇 grapes|포도
🍓 strawberry|딸기
🍒 cherries|체리
🍑 peach|복숭아
🥝 kiwi|키위
🍅 tomato|토마토
🥑 avocado|아보카도
🥔 potato|감자
🍠 sweet potato|고구마
🥕 carrot|당근
🌽 corn|옥수수
🌶️ pepper spicy|고추 매움
🧄 garlic|마늘
🍄 mushroom|버섯
🥜 peanuts|땅콩
🍞 bread|빵
🥐 croissant|크루아상
🧀 cheese|치즈
🍖 meat|고기
🍗 drumstick chicken|닭다리 치킨
🥓 bacon|베이컨
🍔 hamburger|햄버거
🍟 fries|감자튀김
🍕 pizza|피자
🌭 hot dog|핫도그
🥪 sandwich|샌드위치
🌮 taco|타코
🥚 egg|달걀
🍳 cooking|요리
🍲 stew|찌개
🥗 salad|샐러드
🍿 popcorn|팝콘
🍱 lunch box|도시락
🍙 rice ball|주먹밥
🍚 rice|밥
🍛 curry|카레
🍜 noodles ramen|라면 국수
🍝 spaghetti|스파게티
🍣 sushi|초밥
🥟 dumpling|만두
🍡 dango|경단
🍦 ice cream|아이스크림
🍩 doughnut|도넛
🍪 cookie|쿠키
🎂 birthday cake|생일 케이크
🍰 cake|케이크
🍫 chocolate|초콜릿
🍬 candy|사탕
🍯 honey|꿀
🥛 milk|우유
☕ coffee|커피
🍵 tea|차
🍶 sake|정종
🍷 wine|와인
🍸 cocktail|칵테일
🍺 beer|맥주
🍻 cheers beers|건배
🥂 toast champagne|축배
🥤 drink|음료
🧊 ice|얼음
🥢 chopsticks|젓가락
🍴 fork and knife|식사
⚽ soccer|축구
🏀 basketball|농구
⚾ baseball|야구
🎾 tennis|테니스
🏐 volleyball|배구
🏓 table tennis|탁구
🏸 badminton|배드민턴
⛳ golf|골프
🎣 fishing|낚시
🥊 boxing|권투
🎿 ski|스키
🏆 trophy|트로피
🥇 gold medal|금메달
🥈 silver medal|은메달
🥉 bronze medal|동메달
🎯 target dart|과녁
🎮 game|게임
🎲 die dice|주사위
🧩 puzzle|퍼즐
🎨 art palette|그림
🎬 film clapper|영화
🎤 microphone karaoke|노래방
🎧 headphones|헤드폰
🎵 note music|음악
🎹 piano|피아노
🥁 drum|북
🎸 guitar|기타
🎻 violin|바이올린
🎉 party tada|축하
🎊 confetti|색종이
🎈 balloon|풍선
🎁 gift|선물
🎀 ribbon|리본
🎆 fireworks|불꽃놀이
🎟️ ticket|표
🚗 car|자동차
🚕 taxi|택시
🚌 bus|버스
🚑 ambulance|구급차
🚒 fire engine|소방차
🚚 truck delivery|배달 트럭
🚲 bicycle|자전거
🏍️ motorcycle|오토바이
🚆 train|기차
🚇 metro subway|지하철
✈️ airplane|비행기
🚀 rocket launch|로켓
🛸 ufo|비행접시
🚁 helicopter|헬리콥터
⛵ sailboat|돛단배
🚢 ship|배
⚓ anchor|닻
🚧 construction|공사 중
🚦 traffic light|신호등
🗺️ map|지도
⛰️ mountain|산
🏖️ beach|해변
🏕️ camping|캠핑
🏠 house home|집
🏢 office|회사
🏥 hospital|병원
🏦 bank|은행
🏫 school|학교
🏪 shop store|가게
🌃 night|밤
🌅 sunrise|해돋이
⌚ watch|손목시계
📱 phone|휴대폰
💻 laptop|노트북
⌨️ keyboard|키보드
🖥️ computer|컴퓨터
🖨️ printer|프린터
📷 camera|카메라
📺 television|텔레비전
☎️ telephone|전화
⏰ alarm clock|알람
⏳ hourglass wait|모래시계 기다려요
🔋 battery|배터리
🔌 plug|플러그
💡 idea light bulb|아이디어 전구
🔦 flashlight|손전등
💸 money flying|돈 나감
💰 money|돈
💳 credit card|카드
💎 gem|보석
🔧 wrench|렌치
🔨 hammer|망치
⚙️ gear|톱니바퀴
🧪 test tube|시험관
💊 pill|알약
🧹 broom|빗자루
🧻 tissue|휴지
🛒 shopping cart|장바구니
🔑 key|열쇠
🚪 door|문
🛏️ bed|침대
🛁 bath|목욕
📦 package box|상자 택배
📫 mailbox|우편함
📧 email|이메일
📜 scroll|두루마리
📄 document page|문서
📊 bar chart|막대그래프
📈 chart up|오름세
📉 chart down|내림세
📅 calendar|달력
📌 pin|압정
📍 place|위치
📎 paperclip|클립
✂️ scissors|가위
📏 ruler|자
✏️ pencil|연필
🖊️ pen|펜
📝 memo|메모
📁 folder|폴더
📚 books|책
📖 open book|펼친 책
🔍 search|돋보기 찾기
🔒 lock|자물쇠
🔓 unlock|열린 자물쇠
🔔 bell|종
🔕 no bell|알림 끔
📢 announcement|공지
📣 megaphone|확성기
✅ check done|완료
☑️ checked box|체크
✔️ check mark|체크 표시
❌ cross no|아니요 엑스
❓ question|질문
❗ exclamation|느낌표
⚠️ warning|주의
⛔ no entry|금지
🚫 forbidden|안 됨
♻️ recycle|재활용
🆗 ok|오케이
🆕 new|새것
🆘 sos help|도와줘요
🔴 red circle|빨간 동그라미
🟠 orange circle|주황 동그라미
🟡 yellow circle|노란 동그라미
🟢 green circle|초록 동그라미
🔵 blue circle|파란 동그라미
🟣 purple circle|보라 동그라미
⚫ black circle|검은 동그라미
⚪ white circle|하얀 동그라미
⬆️ up arrow|위 화살표
➡️ right arrow|오른쪽 화살표
⬇️ down arrow|아래 화살표
⬅️ left arrow|왼쪽 화살표
🔄 refresh|새로 고침
🔝 top|맨 위
♾️ infinity|무한
➕ plus|더하기
➖ minus|빼기
1️⃣ one|일
2️⃣ two|이
3️⃣ three|삼
🏁 finish flag|도착
🚩 flag|깃발
🏳️‍🌈 rainbow flag|무지개 깃발
🇰🇷 korea flag|한국 태극기
🇺🇸 usa flag|미국
🇯🇵 japan flag|일본
🇨🇳 china flag|중국
🇬🇧 uk flag|영국
🇩🇪 germany flag|독일
🇫🇷 france flag|프랑스
🇪🇺 europe flag|유럽
`;

export const EMOJI: readonly Named[] = LINES.trim()
  .split("\n")
  .map((line) => {
    const space = line.indexOf(" ");
    const [english = "", korean = ""] = line.slice(space + 1).split("|");
    return [line.slice(0, space), english, korean];
  });

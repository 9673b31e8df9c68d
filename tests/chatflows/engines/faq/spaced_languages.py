"""FAQs of a shop in languages with spaces between words, and what visitors ask of them.

Each line is a question with its answer, then what visitors ask that it is for. The last line is
what no entry answers.
"""
# ruff: noqa: E501, RUF001 (a line for each entry; letters of other scripts)

SPACED = {
    "Spanish": """
¿Cómo cancelo mi pedido?|En su cuenta.|cancelar pedido|Quiero cancelo mi pedido|¿Se cancela un pedido?
¿Cuándo llega mi paquete?|En dos días.|¿Dónde está mi paquete?|paquete|¿Cuándo llega?
¿Qué formas de pago aceptan?|Tarjeta.|formas de pago|¿Cuáles son las formas de pago?|pago
¿Cuál es el horario de apertura?|De 9 a 17.|horario|¿Qué horario tienen?|apertura
¿Dónde está la tienda?|En Madrid.|¿Tienen una tienda?|tienda|¿Hay tienda?
¿Hacen envíos internacionales?|Sí.|envíos internacionales|¿Hay envíos?|envios
|¿Cómo estás?|Hola, ¿qué tal?|¿Quién eres?|¿Qué tiempo hace hoy?|¿Cuántos años tienes?|¿Qué es?|gracias
""",
    "Portuguese": """
Como cancelo o meu pedido?|Na sua conta.|cancelo pedido|Como cancelo?|o meu pedido
Quando chega a minha encomenda?|Em dois dias.|Onde está a minha encomenda?|encomenda|Quando chega?
Quais são as formas de pagamento?|Cartão.|formas de pagamento|pagamento|Que pagamento há?
Qual é o horário da loja?|Das 9 às 17.|horário|Qual o horário?|horario
Como faço uma devolução?|Em 30 dias.|devolução|devolucao|Como é a devolução?
|Como vai?|Quem é você?|Tudo bem?|Como está o tempo hoje?|Onde é isso?|Olá|O que é?
""",
    "Italian": """
Come annullo il mio ordine?|Nel conto.|annullo ordine|Come si annulla un ordine?|il mio ordine
Quando arriva il mio pacco?|In due giorni.|Dove è il mio pacco?|pacco|Quando arriva?
Quali pagamenti accettate?|Carte.|pagamenti|Quali sono i pagamenti?|Accettate carte?
Qual è l'orario di apertura?|Dalle 9.|orario|Che orario avete?|apertura
Dove si trova il negozio?|A Roma.|negozio|Dove è il negozio?|Avete un negozio?
|Come stai?|Come va?|Chi sei?|Che tempo fa?|Dove sei?|Ciao|Che cosa è?
""",
    "French": """
Comment annuler ma commande ?|Dans le compte.|annuler commande|Comment est-ce que j'annule ma commande ?|commande
Quand arrive mon colis ?|Dans deux jours.|Où est mon colis ?|colis|Quand arrive-t-il, le colis ?
Quels moyens de paiement acceptez-vous ?|Les cartes.|moyens de paiement|paiement|Quels sont les paiements ?
Quels sont les horaires d’ouverture ?|De 9 à 17.|horaires|ouverture|Quels horaires ?
Où se trouve la boutique ?|À Paris.|boutique|Où est la boutique ?|Avez-vous une boutique ?
|Comment ça va ?|Qui es-tu ?|Quel temps fait-il ?|Où es-tu ?|Bonjour|Qu'est-ce que c'est ?
""",
    "German": """
Wie kann ich meine Bestellung stornieren?|Im Konto.|Bestellung stornieren|Wie storniere ich die Bestellung?|stornieren
Wann kommt mein Paket an?|In zwei Tagen.|Wo ist mein Paket?|Paket|Ist mein Paket da?
Welche Zahlungsarten gibt es?|Karte.|Zahlungsarten|Was sind die Zahlungsarten?|zahlungsarten bitte
Wie sind die Öffnungszeiten?|9 bis 17.|öffnungszeiten|oeffnungszeiten|Oeffnungszeiten am Montag
Wo ist der Laden?|In Berlin.|Laden|Gibt es einen Laden?|Wo ist denn der Laden?
|Wie geht es dir?|Wie spät?|Wie spät ist es?|Wer bist du?|Wie ist das Wetter heute?|Hallo|Was ist das?
""",
    "Dutch": """
Hoe kan ik mijn bestelling annuleren?|In het account.|bestelling annuleren|Hoe annuleren?|mijn bestelling
Wanneer komt mijn pakket?|In twee dagen.|Waar is mijn pakket?|pakket|Is het pakket er?
Welke betaalmethoden zijn er?|Kaart.|betaalmethoden|Wat zijn de betaalmethoden?|betaalmethoden graag
Wat zijn de openingstijden?|9 tot 17.|openingstijden|Wat zijn jullie openingstijden?|de openingstijden
Waar is de winkel?|In Utrecht.|winkel|Hebben jullie een winkel?|Waar is jullie winkel?
|Hoe gaat het?|Wie ben je?|Hoe laat is het?|Wat is het weer vandaag?|Hallo|Wat is dat?
""",
    "Polish": """
Jak anulować moje zamówienie?|Na koncie.|anulować zamówienie|Jak anulowac zamowienie?|zamówienie
Kiedy przyjdzie moja paczka?|Za dwa dni.|Gdzie jest moja paczka?|paczka|Kiedy paczka?
Jakie są metody płatności?|Karta.|metody płatności|metody platnosci|Jakie metody?
Jakie są godziny otwarcia?|9 do 17.|godziny otwarcia|godziny|Jakie macie godziny?
Gdzie jest wasz sklep?|W Łodzi.|sklep|Czy macie sklep?|Gdzie sklep?
|Jak się masz?|Kim jesteś?|Co to jest?|Jaka jest dziś pogoda?|Dzień dobry|Gdzie jesteś?
""",
    "Russian": """
Как отменить заказ?|В кабинете.|отменить заказ|Как мне отменить мой заказ?|заказ
Когда придёт моя посылка?|За два дня.|Где моя посылка?|посылка|Когда придет посылка?
Какие способы оплаты есть?|Карта.|способы оплаты|Какие есть способы оплаты?|способы
Какой у вас график работы?|С 9 до 17.|график работы|график|Какой график?
Где находится магазин?|В Казани.|магазин|Где магазин?|У вас есть магазин?
|Как дела?|Кто ты?|Что это?|Какая сегодня погода?|Привет|Где ты?
""",
    "Ukrainian": """
Як скасувати замовлення?|У кабінеті.|скасувати замовлення|Як мені скасувати моє замовлення?|замовлення
Коли прийде моя посилка?|За два дні.|Де моя посилка?|посилка|Коли прийде?
Які є способи оплати?|Картка.|способи оплати|Які способи?|оплати
Який у вас графік роботи?|З 9 до 17.|графік роботи|графік|Який графік?
Де ваш магазин?|У Львові.|магазин|Де є магазин?|Чи є у вас магазин?
|Як справи?|Хто ти?|Що це?|Яка сьогодні погода?|Привіт|Де ти?
""",
    "Turkish": """
Siparişimi nasıl iptal ederim?|Hesapta.|sipariş iptal|siparişimi iptal|iptal
Kargom ne zaman gelir?|İki günde.|kargom nerede|kargom|Kargom gelir mi?
Hangi ödeme yöntemleri var?|Kart.|ödeme yöntemleri|odeme yontemleri|Ödeme nasıl?
Çalışma saatleri nedir?|9-17.|çalışma saatleri|calisma saatleri|saatleri
Mağaza nerede?|İzmir'de.|mağaza|magaza nerede|Bir mağaza var mı?
|Nasılsın?|Hava nasıl?|Sen kimsin?|Bu ne?|Merhaba|Bugün hava nasıl?
""",
    "Vietnamese": """
Làm thế nào để hủy đơn hàng?|Trong tài khoản.|hủy đơn hàng|huy don hang|Tôi muốn hủy đơn hàng
Khi nào gói bưu kiện đến?|Hai ngày.|bưu kiện|Bưu kiện ở đâu?|gói bưu kiện của tôi
Có những phương thức thanh toán nào?|Thẻ.|thanh toán|phương thức thanh toán|phuong thuc thanh toan
Giờ mở cửa là khi nào?|9 đến 17.|mở cửa|gio mo cua|Mấy giờ mở cửa?
Bạn có giao quốc tế không?|Có.|giao quốc tế|giao quoc te|Có giao quốc tế không?
|Bạn là gì?|Bạn là ai?|Bạn có khỏe không?|Xin chào|Thời tiết hôm nay thế nào?|Đây là gì?
""",
    "Hindi": """
मैं ऑर्डर कैसे रद्द करूँ?|खाते में।|ऑर्डर रद्द|ऑर्डर कैसे रद्द करें?|मेरा ऑर्डर
मेरा पार्सल कब आएगा?|दो दिन में।|पार्सल|मेरा पार्सल कहाँ है?|पार्सल कब आएगा
भुगतान के तरीके क्या हैं?|कार्ड।|भुगतान|भुगतान के तरीके|क्या भुगतान है?
दुकान कहाँ है?|दिल्ली में।|दुकान|आपकी दुकान कहाँ है?|क्या दुकान है?
वापसी की नीति क्या है?|तीस दिन।|वापसी|वापसी की नीति|वापसी कैसे करें?
|आपका नाम क्या है?|आप कैसे हैं?|आप कौन हैं?|आज मौसम कैसा है?|नमस्ते|यह क्या है?
""",
    "Indonesian": """
Bagaimana cara membatalkan pesanan?|Di akun.|membatalkan pesanan|Bagaimana membatalkan pesanan saya?|pesanan
Kapan paket saya tiba?|Dua hari.|Di mana paket saya?|paket|Kapan paket tiba?
Apa saja metode pembayaran?|Kartu.|metode pembayaran|pembayaran|Apakah ada metode pembayaran lain?
Kapan jam buka toko?|9 sampai 17.|jam buka|Jam buka kapan?|jam buka toko
Apakah ada garansi produk?|Ya.|garansi|Apakah ini ada garansi?|garansi produk
|Apa kabar?|Siapa kamu?|Apa itu?|Bagaimana cuaca hari ini?|Halo|Kamu di mana?
""",
}

import { type Html, html } from './html.js'

/** What fills a page. */
export interface PageParts {
  title: string
  body: Html
  /** Further members of the head. */
  head?: Html
  /** Which part of the portal it belongs to. */
  section?: 'home' | 'treasury'
}

/** A whole page: one heading, the way home, and what says that none of it is real. */
export function page({ title, body, head, section = 'home' }: PageParts): Html {
  const here = (name: string) => (name === section ? html` aria-current="true"` : null)
  return html`<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Cổng DVCTT mẫu</title>
<link rel="stylesheet" href="/public/portal.css">
<link rel="icon" href="/public/portal.svg" type="image/svg+xml">
<script src="/public/portal.js" defer></script>
${head ?? null}
</head>
<body>
<a class="skip" href="#main">Đến nội dung</a>
<header>
<p class="brand"><img src="/public/portal.svg" alt="" width="32" height="32"> Cổng DVCTT mẫu</p>
<p class="simulated">MÔ PHỎNG: không phải cổng của Kho bạc Nhà nước</p>
<nav aria-label="Chính">
<a href="/"${here('home')}>Đơn vị</a>
<a href="/treasury"${here('treasury')}>Kho bạc (mô phỏng)</a>
</nav>
</header>
<main id="main">
<h1>${title}</h1>
${body}
</main>
<footer>
<p>Cổng mẫu này không có đăng nhập: ai mở được trang đều thấy mọi hồ sơ. Dữ liệu chỉ nằm trong bộ nhớ và mất khi khởi động lại.
Mật khẩu chỉ dùng cho một lần gọi nhà cung cấp, không được lưu.</p>
</footer>
</body>
</html>
`
}
